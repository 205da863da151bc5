"""The plugin in its server: loading, set-up, and the calls of its hooks."""
