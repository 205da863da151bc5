import asyncio
import os
from pathlib import Path

import pytest
from served_plugin import served

from scaffold.contract import HookError, InternalError, InvalidInput, InvalidOutput
from scaffold.contract._errors.errors import ConnectFailed
from scaffold.host import AsyncHost, Host
from scaffold.kinds.tool_v1 import AsyncToolClient, ExecuteInput, ToolClient

ECHO = Path(__file__).parent / "plugins/echo"
SERVE = ["-m", "scaffold.server", "echo_tool:EchoPlugin", "--name", "echo"]
RUNTIMES = ["in_process", "mcp_stdio", "mcp_http"]


def ask(function: str, **args: object) -> ExecuteInput:
    return ExecuteInput(function=function, args=args)


@pytest.fixture(scope="module")
def url():
    with served(ECHO, SERVE) as address:
        yield address


@pytest.fixture
def folder(tmp_path, url):
    (tmp_path / "echo_tool.py").write_bytes((ECHO / "echo_tool.py").read_bytes())
    (tmp_path / "dagstack.toml").write_text(
        f"""
[plugin]
name = "echo"
kind = "tool"
runtime = {RUNTIMES}
entry_point = "echo_tool:EchoPlugin"
[plugin.mcp_stdio]
command = ["python", {", ".join(f'"{one}"' for one in SERVE)}]
[plugin.mcp_http]
url = "{url}"
""",
        encoding="utf-8",
    )
    return tmp_path


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_plugin_answers_alike_in_every_runtime(folder, runtime):
    with Host() as host:
        tool = host.load(folder, ToolClient, runtime=runtime)
        assert tool.channel.runtime == runtime
        assert host["echo"].runtime == runtime
        assert tool.execute(ask("echo", text="hi")).result == "hi"
        assert tool.get_schema()[0].name == "echo"

        with pytest.raises(HookError) as refused:
            tool.execute(ask("refuse", text="tea"))
        assert (refused.value.code, refused.value.data) == ("tool_failed", {"retry": True})
        with pytest.raises(InvalidInput) as invalid:
            tool.execute(ask("echo", text=17))
        assert [(one.path, one.rule) for one in invalid.value.problems] == [("/args/text", "type")]
        with pytest.raises(InvalidOutput):
            tool.execute(ask("lie", text="hi"))
        with pytest.raises(InternalError) as hidden:
            tool.execute(ask("crash", text="swordfish"))
        assert "swordfish" not in str(hidden.value)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_plugin_answers_an_event_loop_in_every_runtime(folder, runtime):
    async def call():
        async with AsyncHost() as host:
            tool = await host.load(folder, AsyncToolClient, runtime=runtime)
            assert tool.channel.runtime == runtime
            return await tool.execute(ask("echo", text="hi"))

    assert asyncio.run(call()).result == "hi"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_plugin_opened_without_bindings_answers_in_every_runtime(folder, runtime):
    with Host() as host:
        channel = host.open(folder, runtime)
        execute = channel.bind(host["echo"].kind.hooks["execute"])
        assert execute({"function": "echo", "args": {"text": "hi"}}) == {"result": "hi"}


def children(pid):
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for one in found for child in one.read_text().split()]


def test_processes_of_one_environment_are_forks_of_one_server(folder):
    before = set(children(os.getpid()))
    with Host(fork_server=True) as host:
        tool = host.load(folder, ToolClient, runtime="mcp_stdio")
        (server,) = set(children(os.getpid())) - before
        assert len(children(server)) == 1
        assert tool.execute(ask("echo", text="hi")).result == "hi"
    assert set(children(os.getpid())) == before


def test_an_event_loop_has_a_fork_server_too(folder):
    async def call():
        async with AsyncHost(fork_server=True) as host:
            tool = await host.load(folder, AsyncToolClient, runtime="mcp_stdio")
            (server,) = set(children(os.getpid())) - before
            assert len(children(server)) == 1
            return await tool.execute(ask("echo", text="hi"))

    before = set(children(os.getpid()))
    assert asyncio.run(call()).result == "hi"
    assert set(children(os.getpid())) == before


def test_a_manifest_with_nothing_but_a_command_is_a_tool(tmp_path):
    (tmp_path / "dagstack.toml").write_text(
        "name = 'time'\nkind = 'tool'\nruntime = 'mcp_stdio'\n"
        f"command = ['python', {', '.join(map(repr, SERVE))}]\nenv = {{ PYTHONPATH = '{ECHO}' }}\n",
        encoding="utf-8",
    )
    with Host() as host:
        tool = host.load(tmp_path, ToolClient)
        assert tool.execute(ask("echo", text="hi")).result == "hi"


def test_a_command_that_does_not_exist_is_one_clear_error(tmp_path):
    (tmp_path / "dagstack.toml").write_text(
        "name = 'no'\nkind = 'tool'\nruntime = 'mcp_stdio'\ncommand = ['./not-there']\n",
        encoding="utf-8",
    )
    with Host() as host, pytest.raises(ConnectFailed, match="not-there"):
        host.load(tmp_path, ToolClient)
    assert not host.plugins
