"""What a manifest may name of its host's environment, and where a secret may go."""

import os
from shutil import copytree

import pytest

from scaffold.contract._errors.errors import PluginError
from scaffold.host import Host
from scaffold.host._runtimes.connection_settings import http_settings
from scaffold.host._runtimes.server_process import http_server, stdio_server
from scaffold.kinds.tool_v1 import ExecuteInput, ToolClient
from scaffold.manifest._model import read_manifest
from scaffold.manifest._secrets import Secrets
from scaffold.testing import every_runtime


def remote(folder, url, variable):
    (folder / "dagstack.toml").write_text(
        f'name = "aws"\nkind = "tool"\nruntime = "mcp_http"\n'
        f'[mcp_http]\nurl = "{url}"\nauth_secret_env = "{variable}"\n'
    )
    return read_manifest(folder)


LOOPBACK = ("http://127.0.0.1:9/mcp", "http://[::1]:9/mcp", "http://localhost/mcp")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.delenv("SCAFFOLD_ENV", raising=False)
    for name in ("AWS_SECRET_ACCESS_KEY", "PLUGIN_TOKEN"):
        monkeypatch.setenv(name, f"value-of-{name}")


def test_a_manifest_cannot_pick_a_variable_of_its_host(tmp_path):
    """Not even by calling itself so that the variable looks like its own."""
    remote(tmp_path, LOOPBACK[0], "AWS_SECRET_ACCESS_KEY")
    with Host() as host:
        with pytest.raises(PluginError, match="asks for the secret 'AWS_SECRET_ACCESS_KEY', which"):
            host.open(tmp_path)
        assert not host.plugins


@pytest.mark.parametrize("url", [*LOOPBACK, "https://plugins.example/mcp"])
@pytest.mark.parametrize(
    ("lent", "variable", "secret"),
    [
        (None, "PLUGIN_TOKEN", "value-of-PLUGIN_TOKEN"),
        (["AWS_SECRET_ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY", "value-of-AWS_SECRET_ACCESS_KEY"),
        ({"TOKEN": "from the vault"}, "TOKEN", "from the vault"),
    ],
)
def test_what_the_application_lends_is_sent(tmp_path, url, lent, variable, secret):
    _, options = http_settings(remote(tmp_path, url, variable), Secrets(lent))
    assert options["headers"] == {"Authorization": f"Bearer {secret}"}


def test_what_is_lent_replaces_the_prefix(tmp_path):
    manifest = remote(tmp_path, LOOPBACK[0], "PLUGIN_TOKEN")
    with pytest.raises(PluginError, match="'PLUGIN_TOKEN', which is not lent"):
        http_settings(manifest, Secrets(["OTHER"]))


@pytest.mark.parametrize("host", ["plugins.example", "10.0.0.1", "127.0.0.1.example"])
def test_no_secret_goes_over_plain_http_to_another_machine(tmp_path, host, monkeypatch):
    manifest = remote(tmp_path, f"http://{host}/mcp", "PLUGIN_TOKEN")
    with pytest.raises(PluginError, match=f"its secret would go to '{host}' over plain HTTP"):
        http_settings(manifest, Secrets())
    monkeypatch.setenv("SCAFFOLD_ENV", "development")
    http_settings(manifest, Secrets())


SHOWS = """
import os
from pathlib import Path
from scaffold.host._runtimes.server_process import http_server, stdio_server
from scaffold.kinds.tool_v1 import ExecuteOutput, Function, ToolPlugin

shown = Path("/proc/self/environ")
kernel = shown.read_bytes().decode().split("\\0") if shown.exists() else []

class Shows(ToolPlugin):
    def get_schema(self):
        return [Function(name="show", description="x", parameters={"type": "object"})]

    def execute(self, payload):
        told = {"names": sorted(os.environ), "kernel": sorted(x.partition("=")[0] for x in kernel)}
        return ExecuteOutput(result={**told, "parent": os.getppid()})
"""
SECRET = {"HOME", "NOT_SET", "AWS_SECRET_ACCESS_KEY", "SCAFFOLD_DEBUG_LOCKS"}


@pytest.fixture
def shows(tmp_path, monkeypatch):
    """A plugin that shows its environment, over pipes and over HTTP."""
    monkeypatch.setenv("HOME", "/home/of/the/host")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.setenv("PYTHONPATH", "/of/the/host")
    package = tmp_path / "shows"
    package.mkdir()
    (package / "__init__.py").write_text(SHOWS)
    (package / "__main__.py").write_text(
        "from scaffold.server import serve\nfrom shows import Shows\nserve(Shows)\n"
    )
    (tmp_path / "dagstack.toml").write_text(
        'name = "shows"\nkind = "tool"\nruntime = ["mcp_stdio", "mcp_http"]\n'
        'entry_point = "shows:Shows"\n[mcp_stdio]\ncommand = ["python", "-m", "shows"]\n'
        'env = { OWN = "1" }\nenv_inherit = ["PATH", "NOT_SET"]\n'
        '[mcp_http]\nurl = "http://127.0.0.1:8080/mcp"\n'
    )
    return tmp_path


def shown(client):
    return client.execute(ExecuteInput(function="show", args={})).result


@pytest.mark.parametrize("fork_server", [False, True])
def test_a_process_gets_only_the_variables_that_its_manifest_lists(shows, fork_server):
    with Host(fork_server=fork_server) as host:
        told = shown(host.load(shows, ToolClient, runtime="mcp_stdio"))
    assert {"PATH", "OWN"} <= set(told["names"])
    assert not SECRET & {*told["names"], *told["kernel"]}
    assert not {"PYTHONPATH", "PYTHONSAFEPATH"} & set(told["names"])
    assert (told["parent"] != os.getpid()) is (fork_server and hasattr(os, "fork"))


def test_one_fork_server_does_not_serve_different_lists(shows, tmp_path):
    """The kernel shows a fork the environment that its fork server was started with."""
    manifest = shows / "dagstack.toml"
    other = tmp_path / "other"
    copytree(shows / "shows", other / "shows")
    (other / "dagstack.toml").write_text(
        manifest.read_text()
        .replace('name = "shows"', 'name = "other"')
        .replace('"NOT_SET"]', '"PLUGIN_TOKEN"]')
    )
    with Host(fork_server=True) as host:
        one = shown(host.load(shows, ToolClient, runtime="mcp_stdio"))
        two = shown(host.load(other, ToolClient, runtime="mcp_stdio"))
    assert "PLUGIN_TOKEN" in two["names"]
    assert "PLUGIN_TOKEN" not in {*one["names"], *one["kernel"]}


def test_a_server_that_is_started_for_the_while_gets_the_same_variables_as_over_pipes(shows):
    with every_runtime(shows, ToolClient) as clients:
        names = [set(shown(client)["names"]) for client in clients.values()]
    assert len(names) == 2
    assert not SECRET & (names[0] | names[1])
    tuning = {"GLIBC_TUNABLES"}  # of a process that is called over pipes
    assert names[0] - tuning == names[1] - tuning


def test_a_server_that_is_run_gets_the_listed_variables(shows):
    manifest = read_manifest(shows)
    for server in (stdio_server(manifest), http_server(manifest)):
        assert {"PATH", "OWN"} == set(server.env)
