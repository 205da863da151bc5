"""Types from schemas, and which keywords they enforce."""
