"""What happened: state from the journal, replayed, decided again, kept for a time, and taken out."""
