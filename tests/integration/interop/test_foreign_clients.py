"""Clients of others list and call the tools of freshly made projects, in both eras."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from foreign import MODERN, PATIENCE, ask, inspect, serving

pytestmark = pytest.mark.peers

CLIENTS = [
    ("python_1", "initialize"),
    ("python_2", "initialize"),
    ("python_2", MODERN),
    ("typescript_1", "initialize"),
    ("typescript_2", "initialize"),
    ("typescript_2", MODERN),
    ("fastmcp", "initialize"),
    ("fastmcp", MODERN),
    ("inspector", "initialize"),
    ("inspector", MODERN),
]
"""Each client with each era that it speaks."""

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What every vendor's model interface takes as the name of a tool."""


@dataclass(frozen=True)
class Project:
    """What is made, and what a client finds in it."""

    name: str
    kind: str
    tool: str
    arguments: dict[str, Any]
    answer: dict[str, Any]


PROJECTS = [
    Project("demo", "tool", "demo_greet", {"name": "Ada"}, {"result": "Hello, Ada!"}),
    Project(
        "plain",
        "text_processor",
        "text_processor_plain_process",
        {"text": "héllo", "language": "fr"},
        {"text": "héllo", "language": "fr"},
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clients")


@pytest.fixture(scope="module", params=PROJECTS, ids=lambda project: project.kind)
def project(request: pytest.FixtureRequest, folder: Path) -> Project:
    made: Project = request.param
    scaffold = Path(sys.executable).with_name("scaffold")
    command = [str(scaffold), "new-plugin", made.name, "--kind", made.kind, "--defaults"]
    subprocess.run([*command, "-o", str(folder)], check=True, capture_output=True, timeout=PATIENCE)
    return made


@pytest.fixture(scope="module", params=["stdio", "http"])
def server(
    request: pytest.FixtureRequest, project: Project, folder: Path
) -> Iterator[dict[str, Any]]:
    """How a client reaches the project's server."""
    command = [sys.executable, "-m", project.name]
    place = folder / project.name
    if request.param == "stdio":
        yield {"command": command, "cwd": str(place)}
        return
    with serving([*command, "--http", "--port", "0"], place) as port:
        yield {"url": f"http://127.0.0.1:{port}/mcp"}


@pytest.mark.parametrize(("client", "era"), CLIENTS)
def test_a_client_lists_and_calls_the_tools_of_a_new_project(
    client: str, era: str, project: Project, server: dict[str, Any], folder: Path
) -> None:
    task = {**server, "era": era, "tool": project.tool, "arguments": project.arguments}
    told = inspect(folder, task) if client == "inspector" else ask(client, folder, task)
    assert told["structured"] == project.answer
    (tool,) = told["tools"]
    assert tool["name"] == project.tool
    assert TOOL_NAME.fullmatch(tool["name"])
    assert tool["description"].strip()
    assert tool["inputSchema"]["type"] == "object"
    properties = tool["inputSchema"]["properties"]
    assert properties.keys() >= project.arguments.keys()
    assert all(properties[name]["description"] for name in project.arguments)
