"""Servers of others are plugins of kind `tool`: over every channel, and for hosts by a manifest."""

import asyncio
import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from foreign import program, serving
from peer_packages import node, npm, pypi

from scaffold.client._http import AsyncHttpChannel, HttpChannel
from scaffold.client._stdio.async_channel import AsyncStdioChannel
from scaffold.client._stdio.channel import StdioChannel
from scaffold.host import AsyncHost, Host
from scaffold.kinds.tool_v1 import (
    TOOL,
    AsyncToolClient,
    ExecuteInput,
    ExecuteOutput,
    GetSchemaOutput,
    ToolClient,
)

pytestmark = pytest.mark.peers

Where: TypeAlias = list[str] | str
"""The command of a server, or its URL."""
Told: TypeAlias = tuple[GetSchemaOutput, ExecuteOutput]

PEER: dict[str, Any] = {"kind": TOOL, "plugin": "peer", "timeout": 30}


@dataclass(frozen=True)
class Server:
    """How a server is started in a folder, and a call that it answers."""

    command: Callable[[Path], list[str]]
    function: str
    args: dict[str, Any]
    answer: str
    """What the answer contains."""


def python(*arguments: str) -> Callable[[Path], list[str]]:
    return lambda folder: [str(pypi("servers")), *arguments]


def javascript(name: str, *arguments: str) -> Callable[[Path], list[str]]:
    script = f"@modelcontextprotocol/server-{name}/dist/index.js"
    return lambda folder: [node(), str(npm("servers") / script), *arguments]


def adding(library: str) -> Server:
    args = {"a": 2, "b": 3}
    return Server(lambda folder: program(library, "server", folder), "add", args, '{"result": 5}')


SERVERS = {
    "time": Server(
        python("-m", "mcp_server_time"),
        "get_current_time",
        {"timezone": "Europe/Paris"},
        "Europe/Paris",
    ),
    "git": Server(python("-m", "mcp_server_git"), "git_log", {"repo_path": "."}, "Say hello"),
    "everything": Server(javascript("everything"), "echo", {"message": "hi"}, "Echo: hi"),
    "filesystem": Server(
        javascript("filesystem", "."), "read_text_file", {"path": "note"}, "a note"
    ),
    "python_1": adding("python_1"),
    "python_2": adding("python_2"),
    "fastmcp": adding("fastmcp"),
    "typescript_1": adding("typescript_1"),
    "typescript_2": adding("typescript_2"),
}
OVER_HTTP = {"everything", "python_1", "python_2", "fastmcp", "typescript_1", "typescript_2"}
LEGS = [
    *((name, "stdio") for name in SERVERS),
    *((name, "http") for name in SERVERS if name in OVER_HTTP),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a note, which is a repository with one commit."""
    place = tmp_path_factory.mktemp("servers")
    (place / "note").write_text("a note")
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for arguments in (["init"], [*identity, "commit", "--allow-empty", "-m", "Say hello"]):
        subprocess.run(["git", *arguments], cwd=place, check=True, capture_output=True)
    return place


@pytest.fixture(scope="module", params=LEGS, ids="-".join)
def leg(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[Server, Where]]:
    """A server and where it is."""
    name, transport = request.param
    server = SERVERS[name]
    command = server.command(folder)
    if name == "everything" and transport == "http":
        with socket.create_server(("127.0.0.1", 0)) as free:
            wanted = str(free.getsockname()[1])
        with serving([*command, "streamableHttp"], folder, PORT=wanted) as port:
            yield server, f"http://127.0.0.1:{port}/mcp"
    elif transport == "http":
        with serving([*command, "http"], folder) as port:
            yield server, f"http://127.0.0.1:{port}/mcp"
    else:
        yield server, [*command, "stdio"] if server.function == "add" else command


def by_channel(where: Where, folder: Path, call: ExecuteInput) -> Told:
    if isinstance(where, str):
        channel: HttpChannel | StdioChannel = HttpChannel(where, **PEER)
    else:
        channel = StdioChannel(where, cwd=folder, **PEER)
    with ToolClient(channel) as client:
        return client.get_schema(), client.execute(call)


def by_async_channel(where: Where, folder: Path, call: ExecuteInput) -> Told:
    async def main() -> Told:
        if isinstance(where, str):
            channel: AsyncHttpChannel | AsyncStdioChannel = AsyncHttpChannel(where, **PEER)
        else:
            channel = AsyncStdioChannel(where, cwd=folder, **PEER)
        await channel.connect()
        async with AsyncToolClient(channel) as client:
            return await client.get_schema(), await client.execute(call)

    return asyncio.run(main())


def by_host(where: Where, folder: Path, call: ExecuteInput) -> Told:
    write_manifest(where, folder)
    with Host() as host:
        client = host.load(folder, ToolClient)
        return client.get_schema(), client.execute(call)


def by_async_host(where: Where, folder: Path, call: ExecuteInput) -> Told:
    write_manifest(where, folder)

    async def main() -> Told:
        async with AsyncHost() as host:
            client = await host.load(folder, AsyncToolClient)
            return await client.get_schema(), await client.execute(call)

    return asyncio.run(main())


def write_manifest(where: Where, folder: Path) -> None:
    """Make the folder a plugin that is nothing but a manifest."""
    runtime, key = ("mcp_http", "url") if isinstance(where, str) else ("mcp_stdio", "command")
    (folder / "dagstack.toml").write_text(f"""
[plugin]
schema_version = "1"
name = "peer"
kind = "tool"
kind_api_version = "1.0.0"
version = "1.0.0"
description = "A server of others."
runtime = ["{runtime}"]

[plugin.{runtime}]
{key} = {json.dumps(where)}
""")


@pytest.mark.parametrize("way", [by_channel, by_async_channel, by_host, by_async_host])
def test_a_server_lists_its_functions_and_answers(
    way: Callable[[Where, Path, ExecuteInput], Told], leg: tuple[Server, Where], folder: Path
) -> None:
    server, where = leg
    call = ExecuteInput(function=server.function, args=server.args)
    functions, answer = way(where, folder, call)
    assert server.function in {function.name for function in functions}
    assert all(function.description for function in functions)
    assert server.answer in json.dumps(answer.result)
