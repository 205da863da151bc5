"""A kind as a page for people."""
