"""Servers of others as `tool` plugins."""

import subprocess
import sys

import pytest
from peer_packages import node, npm, pypi

from scaffold.contract import HookError, InvalidInput
from scaffold.kinds.tool_v1 import TOOL, ExecuteInput, ToolClient

pytestmark = pytest.mark.peers


@pytest.fixture
def connect(open_channel):
    def connect(program, *arguments):
        return ToolClient(open_channel(*arguments, program=program, kind=TOOL, plugin="peer"))

    return connect


def ask(function, **args):
    return ExecuteInput(function=function, args=args)


def names(client):
    return {function.name for function in client.get_schema()}


def test_the_time_server_tells_the_time(connect):
    client = connect(str(pypi("servers")), "-m", "mcp_server_time", "--local-timezone", "UTC")
    assert names(client) == {"get_current_time", "convert_time"}
    answer = client.execute(ask("get_current_time", timezone="Europe/Paris"))
    assert "Europe/Paris" in str(answer.result)
    with pytest.raises(InvalidInput, match="/args"):
        client.execute(ask("get_current_time"))
    with pytest.raises(HookError, match="tool_failed"):
        client.execute(ask("get_current_time", timezone="Nowhere/Land"))


def test_the_git_server_reads_a_repository(connect, tmp_path):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True)

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "-m", "Say hello")
    client = connect(str(pypi("servers")), "-m", "mcp_server_git")
    assert {"git_log", "git_status"} <= names(client)
    assert "Say hello" in client.execute(ask("git_log", repo_path=str(tmp_path))).result


def test_the_everything_server_echoes(connect):
    script = npm("servers") / "@modelcontextprotocol" / "server-everything" / "dist" / "index.js"
    client = connect(node(), str(script))
    assert "echo" in names(client)
    assert "hello" in client.execute(ask("echo", message="hello")).result


def test_the_filesystem_server_reads_and_writes(connect, tmp_path):
    folder = tmp_path.resolve()
    (folder / "note").write_text("héllo")
    script = npm("servers") / "@modelcontextprotocol" / "server-filesystem" / "dist" / "index.js"
    client = connect(node(), str(script), str(folder))
    answer = client.execute(ask("read_text_file", path=str(folder / "note")))
    assert "héllo" in str(answer.result)
    client.execute(ask("write_file", path=str(folder / "other"), content="x" * 300_000))
    assert (folder / "other").read_text() == "x" * 300_000
    with pytest.raises(HookError, match="tool_failed"):
        client.execute(ask("read_text_file", path="/etc/hostname"))


def test_a_server_on_the_official_sdk_is_a_tool(connect):
    program = (
        "from mcp.server import MCPServer\n"
        "server = MCPServer('sums')\n"
        "@server.tool()\n"
        "def add(a: int, b: int) -> int:\n"
        "    'Add two numbers.'\n"
        "    return a + b\n"
        "server.run('stdio')\n"
    )
    client = connect(sys.executable, "-c", program)
    assert names(client) == {"add"}
    assert client.execute(ask("add", a=2, b=3)).result in (5, {"result": 5})
