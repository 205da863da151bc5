"""Settings of a host: they reach the plugin, and nothing that it starts."""

import sys
from pathlib import Path

import pytest
from http_requests import ask, mirror
from serving import PLUGINS, Start, modern

from scaffold.client._process.fork_server_client import ForkServers
from scaffold.client._stdio.channel import StdioChannel
from scaffold.kinds.tool_v1 import TOOL, ExecuteInput, ToolClient

SETTINGS = {
    "SCAFFOLD_PLUGIN_CONFIG": '{"password":"swordfish"}',
    "SCAFFOLD_PLUGIN_CONTEXT": '{"kind":"tool","facts":{"region":"swordfish"}}',
}
LOOK = modern("tools/call", name="demo_look", arguments={})


def told(answer: dict[str, object]) -> object:
    result: object = answer["result"]
    assert isinstance(result, dict)
    return result["structuredContent"]["result"]


EXPECTED = {"config": {"password": "swordfish"}, "found": []}
linux = pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="has no /proc")


@linux
def test_settings_reach_a_plugin_and_no_environment(start: Start) -> None:
    server = start("private:Private", **SETTINGS)
    server.send(LOOK)
    assert told(server.receive()) == EXPECTED


@linux
@pytest.mark.parametrize("workers", ["1", "2"])
def test_settings_reach_every_worker_and_no_environment(start: Start, workers: str) -> None:
    server = start("private:Private", "--http", "--port", "0", "--workers", workers, **SETTINGS)
    assert told(ask(server.url(), LOOK, **mirror(LOOK)).json) == EXPECTED


@linux
def test_settings_reach_a_fork_of_the_fork_server_and_no_environment() -> None:
    forks = ForkServers()
    command = [sys.executable, "-m", "scaffold.server", "private:Private", "--name", "demo"]
    spawn = forks.prepare(command, SETTINGS)
    channel = StdioChannel(
        command, kind=TOOL, plugin="demo", cwd=PLUGINS, env=SETTINGS, spawn=spawn
    )
    try:
        answer = ToolClient(channel).execute(ExecuteInput(function="look", args={}))
        assert answer.result == EXPECTED
    finally:
        channel.close()
        forks.close()


def test_malformed_settings_are_refused_by_the_name_of_their_variable(start: Start) -> None:
    server = start("private:Private", SCAFFOLD_PLUGIN_CONFIG="[]")
    assert server.process.wait(15) == 5
    assert "SCAFFOLD_PLUGIN_CONFIG" in server.log.read_text()
