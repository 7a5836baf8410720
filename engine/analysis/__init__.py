"""What a text says: thin over a bundle."""
