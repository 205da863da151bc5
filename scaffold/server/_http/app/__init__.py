"""The ASGI application: `/mcp` and `/health`."""
