"""The generator: hookspec text in, files out. Touches no disk but to read, and runs no plugin."""
