"""The official SDK as a client: it must be able to use our servers, in both eras."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from serving import PLUGINS, Start

Mode = Literal["legacy", "auto"]


@asynccontextmanager
async def over_stdio(entry_point: str, mode: Mode) -> AsyncIterator[Client]:
    command = ["-m", "scaffold.server", entry_point, "--name", "demo"]
    server = StdioServerParameters(command=sys.executable, args=command, cwd=PLUGINS)
    async with Client(stdio_client(server), mode=mode) as client:
        yield client


async def use(client: Client) -> None:
    tools = (await client.list_tools()).tools
    assert "demo_greet" in [tool.name for tool in tools]
    answer = await client.call_tool("demo_greet", {"name": "Ann"})
    assert answer.structured_content == {"result": "Hello, Ann!"}
    assert (await client.call_tool("demo_fail", {})).is_error
    told: list[float] = []

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    await client.call_tool("demo_count", {"to": 3}, progress_callback=tell)
    assert told == [1, 2, 3]
    with pytest.raises(Exception, match="no tool"):
        await client.call_tool("demo_nothing", {})


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_sdk_uses_a_server_on_pipes(entry_point: str, mode: Mode) -> None:
    async def main() -> None:
        async with over_stdio(entry_point, mode) as client:
            await use(client)

    anyio.run(main)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_sdk_uses_a_server_over_http(start: Start, entry_point: str, mode: Mode) -> None:
    url = start(entry_point, "--http", "--port", "0").url()

    async def main() -> None:
        async with Client(url, mode=mode) as client:
            await use(client)

    anyio.run(main)
