"""Every statement of the page on dagstack-plugin-system, by its newest release."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from peer_packages import pypi

from scaffold.host import Host
from scaffold.kinds.tool_v1 import ToolDispatcher

pytestmark = pytest.mark.peers

ROOT = Path(__file__).parents[3]
KINDS = ("audit_logger", "chunker", "orchestrator", "source", "text_processor", "tool")
MANIFEST = """
[plugin]
schema_version = "1"
name = "both"
kind = "tool"
kind_api_version = "1"
core_version = ">=0.4"
runtime = "in_process"
entry_point = "{entry}"
priority = 5
supports_extensions = [".md"]
execution_model = "sync"

[plugin.resources]
optional = ["clock"]

[plugin.metadata]
author = "somebody"
"""
PLUGIN = """
from scaffold.kinds.tool_v1 import ExecuteOutput, Function, ToolPlugin

class Both(ToolPlugin):
    def get_schema(self):
        return [Function(name="say", description="", parameters={})]

    def execute(self, payload):
        return ExecuteOutput(result=payload.function)

class Bare:
    def get_schema(self, payload):
        return []

    def execute(self, payload):
        return payload
"""


def write(folder, entry="plugin:Both"):
    """Write a plugin of one file, with a manifest of keys that both hosts know."""
    folder.mkdir(parents=True)
    (folder / "dagstack.toml").write_text(MANIFEST.format(entry=entry))
    (folder / "plugin.py").write_text(PLUGIN)
    return folder


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return what a host on the package says of our plugins."""
    folder = tmp_path_factory.mktemp("projects")
    both = tmp_path_factory.mktemp("both")
    write(both / "both")
    for kind in KINDS:
        command = [sys.executable, "-m", "scaffold", "new-plugin", f"my-{kind}", "--kind", kind]
        subprocess.run([*command, "--defaults", "-o", folder], check=True, capture_output=True)
    driver = Path(__file__).with_name("drivers") / "dagstack_host.py"
    done = subprocess.run(
        [pypi("dagstack"), driver, folder, both],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def test_it_refuses_keys_of_our_manifests_and_says_which(found):
    assert found["discovered"] == []
    assert len(found["skipped"]) == len(KINDS)
    wanted = (
        "core_version: Field required",
        "runtime: Input should be 'in_process', 'mcp_stdio' or 'mcp_http'",
        "version: Extra inputs are not permitted",
        "description: Extra inputs are not permitted",
    )
    assert all(words in line for line in found["skipped"] for words in wanted)


def test_it_finds_no_module_of_a_package_in_a_folder(found):
    (line,) = found["dotted"]
    assert line.endswith("my-audit_logger/my_audit_logger.plugin.py")
    assert "entry_point module file not found" in line


def test_with_a_manifest_of_its_keys_it_loads_and_sets_up_all_kinds(found):
    assert found["loaded"] == [f"my-{kind}" for kind in KINDS]
    assert found["setup"] == []


def test_hooks_of_what_it_has_loaded_answer_and_their_payloads_are_not_checked(found):
    assert found["functions"] == ["greet"]
    assert found["answer"] == "Hello, Ada!"
    assert found["unchecked"].startswith("AttributeError: ")


def test_its_dispatchers_pass_a_context_that_its_hookspecs_do_not_have(found):
    assert "get_schema() takes 1 positional argument but 2 were given" in found["collect"]


def test_its_dispatchers_know_two_kinds(found):
    assert found["other_kinds"].startswith("KindUnknown: No generated spec for kind='text_process")


def test_one_folder_is_a_plugin_for_both_hosts(found, tmp_path):
    assert found["both"] == "say"
    write(tmp_path / "both")
    with Host() as host:
        tools = host.kind(ToolDispatcher)
        host.discover(tmp_path)
        host.start()
        assert [[one.name for one in functions] for functions in tools.get_schema()] == [["say"]]


def test_our_host_takes_no_class_without_a_base(tmp_path):
    write(tmp_path / "both", "plugin:Bare")
    with Host() as host:
        host.kind(ToolDispatcher)
        host.discover(tmp_path)
        host.start()
        assert host.status["both"].reason == "'plugin:Bare' is not a subclass of Plugin"
