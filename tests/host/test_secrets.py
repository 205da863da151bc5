"""What a manifest may name of its host's environment, and where a secret may go."""

import sys

import pytest

from scaffold.contract.errors import PluginError
from scaffold.host import Host
from scaffold.host.addresses import service_of
from scaffold.host.manifest import read_manifest
from scaffold.host.secrets import Secrets


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
    _, options = service_of(remote(tmp_path, url, variable), Secrets(lent))
    assert options["headers"] == {"Authorization": f"Bearer {secret}"}


def test_what_is_lent_replaces_the_prefix(tmp_path):
    manifest = remote(tmp_path, LOOPBACK[0], "PLUGIN_TOKEN")
    with pytest.raises(PluginError, match="'PLUGIN_TOKEN', which is not lent"):
        service_of(manifest, Secrets(["OTHER"]))


@pytest.mark.parametrize("host", ["plugins.example", "10.0.0.1", "127.0.0.1.example"])
def test_no_secret_goes_over_plain_http_to_another_machine(tmp_path, host, monkeypatch):
    manifest = remote(tmp_path, f"http://{host}/mcp", "PLUGIN_TOKEN")
    with pytest.raises(PluginError, match=f"its secret would go to '{host}' over plain HTTP"):
        service_of(manifest, Secrets())
    monkeypatch.setenv("SCAFFOLD_ENV", "development")
    service_of(manifest, Secrets())


def test_a_process_gets_only_the_variables_that_its_manifest_lists(tmp_path):
    (tmp_path / "shows.py").write_text(
        "import json, os\n"
        "from scaffold.kinds.tool_v1 import ExecuteOutput, Function, ToolPlugin\n"
        "class Shows(ToolPlugin):\n"
        "    def get_schema(self):\n"
        "        schema = {'type': 'object'}\n"
        "        return [Function(name='show', description='x', parameters=schema)]\n"
        "    def execute(self, payload):\n"
        "        return ExecuteOutput(result=sorted(os.environ))\n"
    )
    (tmp_path / "dagstack.toml").write_text(
        'name = "shows"\nkind = "tool"\nruntime = "mcp_stdio"\n[mcp_stdio]\n'
        f'command = ["{sys.executable}", "-m", "scaffold.server", "shows:Shows"]\n'
        'env = { OWN = "1" }\nenv_inherit = ["PATH", "NOT_SET"]\n'
    )
    with Host() as host:
        channel = host.open(tmp_path)
        execute = channel.bind(host["shows"].kind.hooks["execute"])
        names = set(execute({"function": "show", "args": {}})["result"])
    assert {"PATH", "OWN"} <= names
    assert not names & {"HOME", "NOT_SET", "AWS_SECRET_ACCESS_KEY", "SCAFFOLD_DEBUG_LOCKS"}
