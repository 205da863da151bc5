"""Changes of files: planned, journaled, written as a whole, and recorded in the lockfile."""
