"""Files that somebody else may have written: which paths may be used, and how they are opened."""
