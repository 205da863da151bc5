"""The server as a process: its descriptors, private settings, signals and end."""
