"""The server as a process: its descriptors, imports, forks, signals and end."""
