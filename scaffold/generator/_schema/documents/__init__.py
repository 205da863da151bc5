"""Schema documents: found, read, checked, and linked to each other."""
