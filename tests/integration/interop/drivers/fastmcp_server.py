"""A server on FastMCP; see `foreign.py`."""

import asyncio
import socket
import sys

import uvicorn
from fastmcp import FastMCP

server = FastMCP("peer")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


if sys.argv[1] == "stdio":
    server.run("stdio", show_banner=False)
else:
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
    config = uvicorn.Config(server.http_app(), log_level="critical")
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
