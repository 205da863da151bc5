"""The servers that the tests start."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Server, Start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start servers that end with the test."""
    started: list[Server] = []

    def _start(entry_point: str = "served:Plain", *arguments: str, **environment: str) -> Server:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        server = Server(folder, entry_point, "--name", "demo", *arguments, **environment)
        started.append(server)
        return server

    yield _start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server over HTTP for all that it must survive, without a word of alarm."""
    options = ("served:Plain", "--name", "demo", "--http", "--port", "0")
    server = Server(tmp_path_factory.mktemp("http"), *options, MCP_MAX_MESSAGE_MB="1")
    yield server.url()
    server.stop()
    log = server.log.read_text()
    assert "Traceback" not in log, log
    warnings = [line for line in log.splitlines() if "WARNING" in line]
    expected = ("'demo_astray' is left out", "MCP_ALLOWED_HOSTS")
    assert [line for line in warnings if not any(word in line for word in expected)] == []


@pytest.fixture(params=["served:Plain", "served:Awaited"])
def entry_point(request: pytest.FixtureRequest) -> str:
    """Both kinds of plugin: their servers are not the same."""
    name: str = request.param
    return name
