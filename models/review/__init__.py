"""A small local web page on which a human labels messages with the keyboard."""
