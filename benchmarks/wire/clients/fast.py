"""FastMCP's client, with the validation that it does by default."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport

from benchmarks.wire.clients.connection import Connection

__all__ = ["connect"]


@asynccontextmanager
async def connect(target: list[str] | str) -> AsyncIterator[Connection]:
    """Call the server that a command starts, or the one at a URL."""
    server: Any = target
    if not isinstance(target, str):
        server = StdioTransport(target[0], target[1:], keep_alive=False)
    async with Client(server) as client:

        async def call(arguments: Any) -> Any:
            return await client.call_tool("echo", arguments)

        yield Connection(call, lambda payload: payload, lambda result: result.structured_content)
