"""Servers: a plugin behind MCP, over stdio or HTTP."""

from scaffold.server._bootstrap import serve

__all__ = ["serve"]
