"""The official Inspector, on the command line: the TypeScript SDK as a client."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from npm_packages import install, node

pytestmark = [pytest.mark.peers, pytest.mark.slow]

STDIO = [sys.executable, "-m", "everything"]


def inspect(everything: Path, server: list[str], *arguments: str) -> Any:
    home = install("inspector", "@modelcontextprotocol/inspector@0.17")
    script = home / "node_modules/@modelcontextprotocol/inspector/cli/build/cli.js"
    command = [node(), str(script), "--cli", *server, "--method", *arguments]
    done = subprocess.run(
        command, cwd=everything, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(params=["stdio", "http"])
def server(request: pytest.FixtureRequest, serve: Callable[..., str]) -> list[str]:
    if request.param == "stdio":
        return STDIO
    return [serve("-m", "everything", "--http", "--port", "0"), "--transport", "http"]


def test_the_inspector_lists_and_calls_tools(everything: Path, server: list[str]) -> None:
    tools = inspect(everything, server, "tools/list")["tools"]
    assert "test_simple_text" in [tool["name"] for tool in tools]
    answer = inspect(everything, server, "tools/call", "--tool-name", "test_simple_text")
    assert answer["content"][0]["text"] == "This is a simple text response for testing."
