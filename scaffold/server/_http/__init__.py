"""MCP over HTTP: an ASGI application, and the server that runs it."""
