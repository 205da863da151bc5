"""The channels against the reference server of the TypeScript SDK, fetched from npm."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from peer_packages import node, npm

from scaffold.client._http import HttpChannel
from scaffold.contract._errors.errors import ConnectFailed
from scaffold.kinds.tool_v1 import TOOL, ExecuteInput, ToolClient

pytestmark = pytest.mark.peers


def connect(url: str) -> HttpChannel:
    """Connect as soon as the server listens."""
    until = time.monotonic() + 20
    while True:
        try:
            return HttpChannel(url, kind=TOOL, plugin="everything", timeout=10)
        except ConnectFailed:
            if time.monotonic() > until:
                raise


@pytest.fixture(scope="module")
def client() -> Iterator[ToolClient]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = npm("servers") / "@modelcontextprotocol/server-everything/dist/index.js"
    command = [node(), str(program), "streamableHttp"]
    environment = {**os.environ, "PORT": str(port)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            with ToolClient(connect(f"http://127.0.0.1:{port}/mcp")) as client:
                yield client
        finally:
            process.kill()


def test_its_tools_are_functions(client: ToolClient) -> None:
    assert {"echo", "get-sum"} <= {function.name for function in client.get_schema()}


def test_its_tools_answer(client: ToolClient) -> None:
    assert (
        client.execute(ExecuteInput(function="echo", args={"message": "hé"})).result == "Echo: hé"
    )
    total = client.execute(ExecuteInput(function="get-sum", args={"a": 1, "b": 2}))
    assert "3" in str(total.result)


def test_a_long_call_with_progress_is_answered(client: ToolClient) -> None:
    call = ExecuteInput(function="trigger-long-running-operation", args={"duration": 1, "steps": 3})
    assert "completed" in str(client.execute(call).result)
