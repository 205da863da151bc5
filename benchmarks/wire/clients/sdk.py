"""The official SDK's client, with the validation that it does by default."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import Client, StdioServerParameters

from benchmarks.wire.clients.connection import Connection

__all__ = ["connect"]


@asynccontextmanager
async def connect(target: list[str] | str) -> AsyncIterator[Connection]:
    """Call the server that a command starts, or the one at a URL."""
    server: Any = target
    if not isinstance(target, str):
        server = StdioServerParameters(command=target[0], args=target[1:])
    async with Client(server) as client:

        async def call(arguments: Any) -> Any:
            return await client.call_tool("echo", arguments)

        yield Connection(call, lambda payload: payload, lambda result: result.structured_content)
