"""The hookspec file: its format, its rules, and the names in it."""
