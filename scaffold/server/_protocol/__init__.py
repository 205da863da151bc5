"""The server's side of MCP: requests, tool calls, streams, backpressure."""
