"""The client's side of MCP without I/O: sessions, listed tools, responses, streams."""
