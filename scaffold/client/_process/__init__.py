"""Child processes: how they are started, logged, watched and ended."""
