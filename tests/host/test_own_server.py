"""Servers that a host starts itself: at their own port, for it alone, without its secrets."""

import json
import logging
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from scaffold.client._process.log_records import BURST_BYTES, BYTES_PER_SECOND
from scaffold.contract._context.call_context import calling_with
from scaffold.contract._errors.errors import ConnectFailed, TransportError
from scaffold.host._plugin_context import PluginEnvironment
from scaffold.host._runtimes.connection_settings import module_path_variables
from scaffold.host._runtimes.open_channel import open_channel
from scaffold.host._runtimes.server_process import serving
from scaffold.kinds.tool_v1 import TOOL, ExecuteInput, ToolClient
from scaffold.manifest._model import read_manifest
from scaffold.testing._plugin.runtimes import assert_alike, every_runtime

MANIFEST = """
[plugin]
schema_version = "1"
name = "ours"
kind = "tool"
kind_api_version = "1.0.0"
version = "0.1.0"
description = "A plugin of the tests."
runtime = ["in_process", "mcp_stdio", "mcp_http"]
entry_point = "NAME.plugin:Ours"

[plugin.mcp_stdio]
command = ["python", "-m", "NAME"]

[plugin.mcp_http]
url = "http://127.0.0.1:8080/mcp"
auth_secret_env = "A_SECRET_THAT_IS_NOT_SET"
"""
PLUGIN = """
import os

from scaffold.contract._context.call_context import call_metadata
from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin


class Ours(ToolPlugin):
    def get_schema(self):
        return [Function(name="who", description="Who.", parameters={"type": "object"})]

    def execute(self, payload):
        if payload.args.get("pid"):
            return ExecuteOutput(result=os.getpid())
        return ExecuteOutput(result=dict(call_metadata()))
"""
MAIN = """
import sys
from scaffold.server import serve
BEFORE
if __name__ == "__main__":
    sys.exit(serve("NAME.plugin:Ours", name="ours"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path, "")


def project(folder: Path, before: str) -> Path:
    """Write a plugin whose package has a name of its own; `before` runs before it is served."""
    name = "ours_" + os.urandom(4).hex()
    package = folder / name
    package.mkdir()
    (package / "__init__.py").touch()
    (folder / "dagstack.toml").write_text(MANIFEST.replace("NAME", name))
    (package / "plugin.py").write_text(PLUGIN)
    (package / "__main__.py").write_text(MAIN.replace("NAME", name).replace("BEFORE", before))
    return folder


def who(client: ToolClient, **args: bool) -> object:
    return client.execute(ExecuteInput(function="who", args=args)).result


def test_metadata_crosses_every_wire_of_a_host_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET_THAT_IS_NOT_SET", "for elsewhere")
    with every_runtime(folder, ToolClient) as clients, calling_with({"tenant_id": "t1"}):
        assert who(clients["mcp_http"]) == {"tenant_id": "t1"}
        assert_alike(clients, who)


def test_a_server_of_our_own_gets_no_secret_and_answers_to_nobody_else(folder: Path) -> None:
    with serving(read_manifest(folder)) as manifest:
        assert manifest.mcp_http is not None
        assert manifest.mcp_http.auth_secret_env is None
        request = urllib.request.Request(
            manifest.mcp_http.url, b"{}", {"content-type": "application/json"}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=15)
        assert (refused.value.code, refused.value.headers["www-authenticate"]) == (401, "Bearer")
        assert json.loads(refused.value.read())["error"]["message"].startswith(
            "this server requires the token"
        )
        channel = open_channel(PluginEnvironment.of(manifest), TOOL, "mcp_http")
        assert who(ToolClient(channel)) == {}
        channel.close()


def test_nobody_else_can_have_the_port_of_a_server_that_has_died(folder: Path) -> None:
    with serving(read_manifest(folder)) as manifest:
        channel = open_channel(PluginEnvironment.of(manifest), TOOL, "mcp_http")
        pid = who(ToolClient(channel), pid=True)
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGKILL)
        assert manifest.mcp_http is not None
        port = int(manifest.mcp_http.url.split(":")[2].split("/")[0])
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="in use"):
                thief.bind(("127.0.0.1", port))
        with pytest.raises(TransportError):  # at once, and not when the time of the call is up
            who(ToolClient(channel))
        channel.close()


def test_a_server_of_an_older_library_is_asked_for_its_port(tmp_path: Path) -> None:
    folder = project(tmp_path, 'if "--fd" in sys.argv: sys.exit(2)')
    with serving(read_manifest(folder)) as manifest:
        channel = open_channel(PluginEnvironment.of(manifest), TOOL, "mcp_http")
        assert who(ToolClient(channel)) == {}
        channel.close()


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    folder = project(tmp_path, 'sys.stderr.write("no database\\n"); sys.exit(5)')
    words = r"ended with status 5; its last words:\n.*no database"
    with pytest.raises(ConnectFailed, match=words), serving(read_manifest(folder)):
        pass


def test_the_log_of_a_flooding_server_is_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flood = 'for _ in range(2000): sys.stderr.write("x" * 8000 + "\\n")'
    folder = project(tmp_path, flood)
    began = time.monotonic()
    with caplog.at_level(logging.INFO, "plugin"), serving(read_manifest(folder)):
        pass
    logged = sum(len(record.getMessage()) for record in caplog.records)
    caplog.clear()  # so that a failure does not repeat it
    assert logged < BURST_BYTES + BYTES_PER_SECOND * (time.monotonic() - began) + 100_000


def test_a_plugin_is_found_in_its_folder_where_python_does_not_look_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    with every_runtime(folder, ToolClient) as clients:
        assert_alike(clients, who)


@pytest.mark.parametrize(
    ("command", "env", "path"),
    [
        (["python", "-m", "demo"], {}, {}),
        (["python", "-m", "demo"], {"PYTHONSAFEPATH": ""}, {}),
        (["python", "demo.py"], {"PYTHONSAFEPATH": "1"}, {}),
        (["demo"], {"PYTHONSAFEPATH": "1"}, {}),
        (["python", "-m", "demo"], {"PYTHONSAFEPATH": "1"}, {"PYTHONPATH": "/plugins/demo"}),
        (
            ["python", "-m", "demo"],
            {"PYTHONSAFEPATH": "1", "PYTHONPATH": "/lib"},
            {"PYTHONPATH": "/plugins/demo:/lib"},
        ),
    ],
)
def test_the_folder_is_named_where_a_module_would_not_be_found(
    command: list[str],
    env: dict[str, str],
    path: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert module_path_variables(command, Path("/plugins/demo"), env) == path
