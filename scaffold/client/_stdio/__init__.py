"""Channels to plugins in child processes: MCP over pipes, blocking and awaited."""
