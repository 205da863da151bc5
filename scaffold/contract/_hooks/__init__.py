"""Kinds, hooks, plugins, channels, and the dispatchers over several plugins."""
