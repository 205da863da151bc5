"""`scaffold run`."""

import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection

import pytest

INITIALIZE = (
    '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion":'
    ' "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}\n'
)


def start(*arguments):
    command = [sys.executable, "-m", "scaffold", "run", *map(str, arguments)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, text=True, **pipes)


def test_over_stdio_it_becomes_the_server(tool_project):
    with start(tool_project) as server:
        server.stdin.write(INITIALIZE)
        server.stdin.flush()
        assert '"protocolVersion"' in server.stdout.readline()
        server.stdin.close()
        assert server.wait(20) == 0


def test_over_http_it_listens_where_it_is_told_and_ends_when_it_is_told(tool_project):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with start(tool_project, "--port", port) as server:
        for line in server.stderr:
            if str(port) in line:
                break
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        connection.close()
        server.send_signal(signal.SIGTERM)
        server.stderr.read()
        assert server.wait(20) in {0, -signal.SIGTERM, 128 + signal.SIGTERM}


def test_a_port_in_use_is_one_clear_error(spawn, tool_project):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = spawn("run", tool_project, "--port", port)

    assert result.status == 4
    assert f"port {port}" in result.err
    assert "Traceback" not in result.err


def test_a_command_that_does_not_exist_is_one_clear_error(spawn, demo):
    manifest = demo / "dagstack.toml"
    manifest.write_text(manifest.read_text().replace('["python"', '["pythoon"'))

    result = spawn("run", demo)

    assert (result.status, "cannot start 'pythoon'" in result.err) == (4, True)


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (["--runtime", "mcp_stdio", "--port", "80"], 2, "drop --host and --port"),
        (["--runtime", "in_process"], 2, "in_process"),
        (["--port", "70000"], 2, "Invalid value for '--port'"),
    ],
)
def test_what_cannot_be_served_is_refused(scaffold, tool_project, arguments, status, reason):
    result = scaffold("run", tool_project, *arguments)

    assert (result.status, reason in result.err) == (status, True)


def test_a_runtime_that_the_manifest_does_not_offer_is_refused(scaffold, demo):
    manifest = demo / "dagstack.toml"
    manifest.write_text(manifest.read_text().replace(', "mcp_stdio", "mcp_http"', ""))

    assert "cannot be served" in scaffold("run", demo).err
    assert scaffold("run", demo, "--runtime", "mcp_http").status == 4


def test_a_plugin_that_lives_elsewhere_is_not_served_from_here(scaffold, tmp_path):
    text = '[plugin]\nname = "other"\nkind = "tool"\nruntime = "mcp_http"\n'
    text += '[plugin.mcp_http]\nurl = "https://example.org/mcp"\n'
    (tmp_path / "dagstack.toml").write_text(text)

    result = scaffold("run", tmp_path)

    assert (result.status, "runs elsewhere" in result.err) == (4, True)
