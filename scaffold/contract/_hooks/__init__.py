"""Kinds, hooks, plugins, channels and dispatchers: the interfaces of generated code."""
