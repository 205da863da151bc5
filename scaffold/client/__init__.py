"""Channels to plugins in other processes: MCP over stdio and HTTP, sync and async."""
