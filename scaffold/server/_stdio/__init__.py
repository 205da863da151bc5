"""MCP over stdin and stdout, with threads or with an event loop."""
