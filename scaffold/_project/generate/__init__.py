"""Generated files: planned from the hookspecs, compared with the disk, and cached."""
