"""A server on the official Python SDK 1.x; see `foreign.py`."""

import asyncio
import socket
import sys

import uvicorn
from mcp.server.fastmcp import FastMCP

server = FastMCP("peer", log_level="CRITICAL")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


if sys.argv[1] == "stdio":
    server.run("stdio")
else:
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
    config = uvicorn.Config(server.streamable_http_app(), log_level="critical")
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
