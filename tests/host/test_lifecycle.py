import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scaffold._concurrency.blocking_coroutines import run
from scaffold.contract._errors.errors import PluginError
from scaffold.host import Host, InProcessChannel, read_manifest
from scaffold.host._runtimes.connection_settings import (
    http_settings,
    process_settings,
    resolve_command,
)
from scaffold.kinds.tool_v1 import ToolClient

PLUGINS = Path(__file__).parent / "plugins"


def test_a_host_keeps_what_it_loaded_by_name_and_closes_it():
    with Host() as host:
        tool = host.load(PLUGINS / "echo", ToolClient)
        loaded = host["echo"]
        assert loaded.client is tool
        assert (loaded.runtime, loaded.kind.name) == ("in_process", "tool")
        assert list(host.plugins) == ["echo"]

    assert isinstance(loaded.channel, InProcessChannel)
    assert vars(loaded.channel.plugin)["life"] == ["setup of echo", "teardown"]
    assert not host.plugins
    host.close()
    with pytest.raises(PluginError, match="echo: the host is closed"):
        host.load(PLUGINS / "echo", ToolClient)


def test_a_name_is_taken_once():
    with Host() as host:
        host.load(PLUGINS / "echo", ToolClient)
        with pytest.raises(PluginError, match="echo: a plugin with this name is already loaded"):
            host.load(PLUGINS / "echo", ToolClient)


def test_of_many_threads_that_load_one_plugin_one_wins():
    with Host() as host:
        refusals: list[PluginError] = []

        def load() -> None:
            try:
                host.load(PLUGINS / "echo", ToolClient)
            except PluginError as error:
                refusals.append(error)

        threads = [threading.Thread(target=load) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(refusals) == 7
        channel = host["echo"].channel
        assert isinstance(channel, InProcessChannel)
        assert vars(channel.plugin)["life"] == ["setup of echo"]


FRAGILE = """
from scaffold.kinds.tool_v1 import ToolPlugin

order = []

class Fragile(ToolPlugin):
    def get_schema(self): ...
    def execute(self, payload): ...
    def setup(self, context):
        self.name = context.plugin
    def teardown(self):
        order.append(self.name)
        if self.name == "second":
            raise RuntimeError("stuck")
"""


def test_everything_is_closed_in_reverse_even_if_one_close_fails(tmp_path):
    (tmp_path / "fragile_tool.py").write_text(FRAGILE, encoding="utf-8")
    names = ["first", "second", "third"]
    for name in names:
        (tmp_path / f"{name}.toml").write_text(
            f"name = '{name}'\nkind = 'tool'\nruntime = 'in_process'\n"
            "entry_point = 'fragile_tool:Fragile'\n",
            encoding="utf-8",
        )
    host = Host()
    for name in names:
        host.load(tmp_path / f"{name}.toml", ToolClient)

    with pytest.raises(PluginError, match="second: teardown failed: RuntimeError: stuck"):
        host.close()

    assert sys.modules["fragile_tool"].order == ["third", "second", "first"]
    host.close()


def manifest(folder: Path, text: str):
    head = "name = 'remote'\nkind = 'tool'\n"
    (folder / "dagstack.toml").write_text(head + text, encoding="utf-8")
    return read_manifest(folder)


def test_python_stands_for_the_plugins_own_environment_or_the_hosts(tmp_path):
    ours = manifest(tmp_path, "runtime = 'mcp_stdio'\ncommand = ['python', '-m', 'demo']\n")
    assert resolve_command(ours) == [sys.executable, "-m", "demo"]

    interpreter = tmp_path / ".venv/bin/python"
    interpreter.parent.mkdir(parents=True)
    interpreter.touch()
    assert resolve_command(ours) == [str(interpreter), "-m", "demo"]


def test_a_path_is_relative_to_the_manifest_and_a_name_is_not(tmp_path):
    by_path = manifest(tmp_path, "runtime = 'mcp_stdio'\ncommand = ['./serve', 'x']\n")
    assert resolve_command(by_path) == [str(tmp_path / "serve"), "x"]
    by_name = manifest(tmp_path, "runtime = 'mcp_stdio'\ncommand = ['uvx', './x']\n")
    assert resolve_command(by_name) == ["uvx", "./x"]


def test_the_process_starts_as_the_manifest_says(tmp_path):
    text = """
runtime = 'mcp_stdio'
startup_timeout_sec = 7
[mcp_stdio]
command = ['x']
working_dir = 'src'
timeout_sec = 5
env = { KEY = 'value' }
"""
    assert process_settings(manifest(tmp_path, text)) == {
        "plugin": "remote",
        "cwd": tmp_path / "src",
        "env": {"KEY": "value"},
        "startup_timeout": 7,
        "timeout": 5,
    }


@pytest.mark.parametrize(
    ("header", "headers"),
    [
        ("", {"Authorization": "Bearer swordfish"}),
        ("auth_header = 'X-API-Token'", {"X-API-Token": "swordfish"}),
    ],
)
def test_the_secret_comes_from_the_variable_that_is_named(tmp_path, monkeypatch, header, headers):
    text = f"runtime = 'mcp_http'\n[mcp_http]\nurl = 'http://h/mcp'\n{header}\n"
    remote = manifest(tmp_path, f"{text}auth_secret_env = 'REMOTE_TOKEN'\n")

    with pytest.raises(PluginError, match="the environment variable 'REMOTE_TOKEN' is not set"):
        http_settings(remote)
    monkeypatch.setenv("REMOTE_TOKEN", "swordfish\n")
    with pytest.raises(PluginError) as caught:
        http_settings(remote)
    assert "swordfish" not in str(caught.value)

    monkeypatch.setenv("REMOTE_TOKEN", "swordfish")
    url, options = http_settings(remote)
    assert url == "http://h/mcp"
    assert options["headers"] == headers
    assert "swordfish" not in repr(remote)


LIGHT = """
import sys
from scaffold.host import Host
from scaffold._concurrency.blocking_coroutines import run
from scaffold.kinds.tool_v1 import ToolClient
with Host() as host:
    host.load(sys.argv[1], ToolClient)
heavy = {
    "mcp", "mcp_types", "copier", "jinja2", "datamodel_code_generator", "jsonschema_rs", "uvicorn",
    "pyreqwest", "asyncio", "msgspec", "packaging",
}
print(sorted(heavy & set(sys.modules)))
"""


def test_an_in_process_plugin_makes_its_host_import_nothing_heavy(tmp_path):
    manifest = (PLUGINS / "echo/dagstack.toml").read_text(encoding="utf-8")
    (tmp_path / "dagstack.toml").write_text(
        "\n".join(line for line in manifest.splitlines() if "core_version" not in line),
        encoding="utf-8",
    )
    (tmp_path / "echo_tool.py").write_bytes((PLUGINS / "echo/echo_tool.py").read_bytes())

    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_blocking_host_refuses_a_lifecycle_that_awaits_an_event_loop():
    async def add(number):
        return number + 1

    async def wait():
        await asyncio.sleep(0)

    assert run(add, 1) == 2
    with pytest.raises(RuntimeError, match="awaited something"):
        run(wait)
