"""A project on disk: its settings, its lockfile, its template, and the only writer of its files."""
