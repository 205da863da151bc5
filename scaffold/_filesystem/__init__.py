"""Files that another person may have written: which paths may be used, and how they are opened."""
