"""Programs that follow the journal, and what is written to customers."""
