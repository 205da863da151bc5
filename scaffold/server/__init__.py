"""Servers: a plugin behind MCP, over stdio or HTTP."""

from scaffold.server.start import serve

__all__ = ["serve"]
