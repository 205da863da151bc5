"""From registration to the end: discovery, order, failures, health, reload, teardown."""

import asyncio
import itertools
import re
import threading
import time
from pathlib import Path

import pytest
import sample_plugins as samples
from busy import quiet_seconds_since

from scaffold.contract._errors.errors import (
    ConnectFailed,
    DeadlineExceeded,
    DuplicatePlugin,
    ManifestInvalid,
    PeerCrashed,
    PluginError,
)
from scaffold.contract._hooks.hook import Hook
from scaffold.host import AsyncHost, AsyncInProcessChannel, Host, InProcessChannel, Started
from scaffold.host._registry.ranking import plan_start
from scaffold.kinds.source_v1 import SourceDispatcher
from scaffold.kinds.tool_v1 import AsyncToolDispatcher, ExecuteInput, ToolClient, ToolDispatcher

PLUGINS = Path(__file__).parent / "plugins"
SAY = ExecuteInput(function="say", args={})


@pytest.fixture
def host():
    with Host() as host:
        yield host


def manifest(folder, name, *lines, kind="tool"):
    folder.mkdir(parents=True, exist_ok=True)
    head = [f"name = '{name}'", f"kind = '{kind}'"]
    (folder / "dagstack.toml").write_text("\n".join([*head, *lines]), encoding="utf-8")


OURS = ("runtime = 'in_process'", "entry_point = 'sample_plugins:Tool'")


def test_every_folder_with_a_manifest_is_found_and_a_bad_one_hurts_nobody(host, tmp_path):
    manifest(tmp_path / "tools/good", "good", *OURS)
    manifest(tmp_path / "tools/good/vendor/inner", "inner", *OURS)
    manifest(tmp_path / "node_modules/hidden", "hidden", *OURS)
    manifest(tmp_path / "bad", "bad", "runtime = 'telepathy'")
    manifest(tmp_path / "strange", "strange", *OURS, kind="zoo")
    manifest(tmp_path / "newer", "newer", "kind_api_version = '7'", *OURS)
    manifest(tmp_path / "broken", "broken", "runtime = 'in_process'", "entry_point = 'no:Such'")
    (tmp_path / "library").mkdir()
    (tmp_path / "library/pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    tools = host.kind(ToolDispatcher)

    host.discover(tmp_path)
    host.start()

    status = host.status
    assert sorted(status) == ["bad", "broken", "good", "newer", "strange"]
    assert [name for name, one in status.items() if one.state == "ready"] == ["good"]
    assert "unknown-value: 'runtime.0' cannot be 'telepathy'" in status["bad"].reason
    assert "'zoo' is not registered with this host (registered: tool)" in status["strange"].reason
    assert status["newer"].reason == "it is of kind tool 7, and this host has version 1"
    assert "module 'no' was found neither" in status["broken"].reason
    assert tools.execute(SAY).result == "good"


def test_a_name_that_is_there_twice_is_refused(host, tmp_path):
    host.kind(ToolDispatcher)
    manifest(tmp_path / "a", "same", *OURS)
    manifest(tmp_path / "b", "same", *OURS)
    with pytest.raises(DuplicatePlugin, match="same: a plugin with this name is already loaded"):
        host.discover(tmp_path)


def test_a_folder_that_is_not_there_is_named(host, tmp_path):
    with pytest.raises(PluginError, match="the folder does not exist"):
        host.discover(tmp_path / "plugins")


@pytest.mark.parametrize(
    ("lines", "kind", "reason"),
    [
        (["config_schema = { type = 7 }"], "zoo", "the kind 'zoo' is not registered"),
        (["kind_api_version = '2'", "config_schema = { type = 7 }"], "tool", "has version 1"),
        (["config_schema = { type = 7 }"], "tool", "its config_schema is not a valid JSON Schema"),
        (
            ["config_schema = { required = ['key'] }"],
            "tool",
            r"config_schema: \(all\) \[required\]",
        ),
    ],
)
def test_checks_follow_the_order_of_adr_0001(host, tmp_path, lines, kind, reason):
    host.kind(ToolDispatcher)
    manifest(tmp_path / "x", "x", *OURS, *lines, kind=kind)
    status = host.register(tmp_path / "x")
    assert status.state == "unavailable"
    assert re.search(reason, status.reason), status.reason


def test_wrong_keys_of_a_plugin_registered_as_code_are_named(host):
    host.kind(ToolDispatcher)
    with pytest.raises(ManifestInvalid, match="priority"):
        host.add(samples.Tool, "x", priority="high")


def test_startup_by_runtime_then_topological_then_priority_desc_then_by_name():
    from scaffold.manifest._model import manifest_of

    def made(name, **keys):
        return manifest_of(samples.Tool, name, keys)

    manifests = {
        one.name: one
        for one in (
            made("late", priority=99),
            made("needs_remote", depends_on=["remote"]),
            made("b", priority=1),
            made("a", priority=1),
            made("child", depends_on=["a", "ghost"]),
            made("remote"),
        )
    }
    runtimes = dict.fromkeys(manifests, "in_process") | {"remote": "mcp_http", "late": "mcp_stdio"}
    assert plan_start(manifests, runtimes) == [
        ["a", "b"],
        ["child"],
        ["late"],
        ["remote"],
        ["needs_remote"],
    ]


def test_long_rows_of_dependence_are_no_trouble():
    from scaffold.manifest._model import manifest_of

    names = [f"p{place}" for place in range(2000)]
    rows = itertools.pairwise(names)
    manifests = {
        name: manifest_of(samples.Tool, name, {"depends_on": [next_]}) for name, next_ in rows
    }
    manifests[names[-1]] = manifest_of(samples.Tool, names[-1], {})
    groups = plan_start(manifests, dict.fromkeys(names, "in_process"))
    assert groups == [[name] for name in reversed(names)]


class Unable(samples.Source):
    def setup(self, context):
        raise RuntimeError("no disk")


def test_every_plugin_whose_depends_on_contains_the_failed_one_is_recursively_unavailable(host):
    sources = host.kind(SourceDispatcher)
    host.add(Unable, "root")
    host.add(samples.Source, "child", depends_on=["root"])
    host.add(samples.Source, "grandchild", depends_on=["child"])
    host.add(samples.Source, "other")
    heard: list[Started] = []
    host.start(heard.append)

    assert [one.next_cursor for one in sources.list_items(samples.LIST)] == ["other"]
    assert host.status["root"].reason.startswith("setup failed: RuntimeError: no disk (")
    assert "it depends on 'child', which is unavailable" in host.status["grandchild"].reason
    assert [(one.done, one.total) for one in heard] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert {one.status.name for one in heard[:2]} == {"other", "root"}


def test_plugins_of_one_group_start_side_by_side(host):
    together = threading.Barrier(3)

    class Patient(samples.Source):
        def setup(self, context):
            together.wait(30)

    host.kind(SourceDispatcher)
    for name in "abc":
        host.add(Patient, name)
    host.start()
    assert {one.state for one in host.status.values()} == {"ready"}


def test_a_plugin_that_is_late_is_unavailable(host):
    gate = threading.Event()

    class Late(samples.Source):
        def setup(self, context):
            gate.wait(30)

    host.kind(SourceDispatcher)
    host.add(Late, "late", startup_timeout_sec=0.05)
    host.start()
    gate.set()
    assert host.status["late"].reason == "setup failed: it did not end within 0.05 s"


def test_shutdown_is_strictly_the_reverse_of_startup_and_a_late_teardown_is_leaked(host):
    ended, gate = [], threading.Event()

    class Ending(samples.Source):
        def teardown(self):
            ended.append(self.name)
            if self.name == "b":
                gate.wait(30)

    host.kind(SourceDispatcher)
    host.add(Ending, "c", depends_on=["b"])
    host.add(Ending, "b", depends_on=["a"], teardown_timeout_sec=0.05)
    host.add(Ending, "a")
    host.start()
    with pytest.raises(PluginError, match="b: teardown failed: it did not end within"):
        host.close()
    gate.set()
    assert ended == ["c", "b", "a"]
    assert {name: one.state for name, one in host.status.items()} == {
        "a": "closed",
        "b": "leaked",
        "c": "closed",
    }


def test_health_degrades_takes_out_of_use_and_recovers(host):
    sources = host.kind(SourceDispatcher)
    host.add(samples.BrokenSource, "broken")
    host.add(samples.Source, "good")
    host.start()

    host.check()
    assert host.status["broken"].state == "degraded"
    assert host.status["broken"].reason == "its health: RuntimeError: no connection"
    host.check()
    host.check()
    assert host.status["broken"].state == "unavailable"
    assert [one.next_cursor for one in sources.list_items(samples.LIST)] == ["good"]

    samples.BrokenSource.well = True
    try:
        host.check()
        assert host.status["broken"].state == "ready"
        assert [one.next_cursor for one in sources.list_items(samples.LIST)] == ["broken", "good"]
    finally:
        samples.BrokenSource.well = False


def test_health_is_checked_again_and_again_if_the_host_is_told_to():
    asked = threading.Semaphore(0)

    class Asked(samples.Source):
        def health(self):
            asked.release()

    with Host(health_every=0.01) as host:
        host.kind(SourceDispatcher)
        host.add(Asked, "asked")
        host.start()
        assert asked.acquire(timeout=30)
        assert asked.acquire(timeout=30)


class Slow(samples.Tool):
    began, gate = threading.Event(), threading.Event()

    def execute(self, payload):
        self.began.set()
        self.gate.wait(30)
        return super().execute(payload)


def test_reload_waits_for_calls_in_flight_and_makes_a_fresh_instance(host):
    Slow.began.clear()
    Slow.gate.clear()
    tools = host.kind(ToolDispatcher)
    host.add(Slow, "slow")
    host.start()
    old = host["slow"].channel
    answers = []
    caller = threading.Thread(target=lambda: answers.append(tools.execute(SAY)))
    caller.start()
    assert Slow.began.wait(30)
    assert isinstance(old, InProcessChannel)
    assert old.plugin.context.in_flight() == {"execute": 1}
    threading.Timer(0.05, Slow.gate.set).start()

    host.reload("slow")
    caller.join(30)

    assert answers[0].result == "slow"
    new = host["slow"].channel
    assert isinstance(new, InProcessChannel)
    assert new.plugin is not old.plugin
    assert tools.execute(SAY).result == "slow"
    with pytest.raises(ConnectFailed, match="the channel is closed"):
        ToolClient(old).execute(SAY)


def test_reload_that_would_cut_calls_off_leaves_the_plugin_as_it_was(host):
    Slow.began.clear()
    Slow.gate.clear()
    tools = host.kind(ToolDispatcher)
    host.add(Slow, "slow", teardown_timeout_sec=0.05)
    host.start()
    caller = threading.Thread(target=tools.execute, args=(SAY,))
    caller.start()
    assert Slow.began.wait(30)
    with pytest.raises(
        PluginError, match=r"aborted after 0\.05 s: calls still running: 1 of 'execute'"
    ):
        host.reload("slow")
    Slow.gate.set()
    caller.join(30)
    assert tools.execute(SAY).result == "slow"


def test_a_folder_is_reloaded_by_its_manifest_as_it_is_now(host, tmp_path):
    manifest(tmp_path / "x", "x", *OURS)
    host.kind(ToolDispatcher)
    host.register(tmp_path / "x")
    host.start()
    manifest(tmp_path / "x", "x", *OURS, "config = { size = 3 }")
    host.reload("x")
    channel = host["x"].channel
    assert isinstance(channel, InProcessChannel)
    assert channel.plugin.context.config == {"size": 3}
    with pytest.raises(PluginError, match="y: no plugin of this name is in use"):
        host.reload("y")


def test_what_was_loaded_by_itself_is_reloaded_in_the_runtime_it_had(host):
    host.load(PLUGINS / "teller", ToolClient, runtime="mcp_stdio")
    host.reload("teller")
    assert host["teller"].runtime == "mcp_stdio"


def test_an_object_is_not_reloaded_and_stays_in_use(host):
    tools = host.kind(ToolDispatcher)
    host.add(samples.Tool(), "tool")
    host.start()
    with pytest.raises(PluginError, match="registered as an object"):
        host.reload("tool")
    assert tools.execute(SAY).result == "tool"


def test_an_event_loop_starts_checks_reloads_and_ends_plugins(tmp_path):
    async def run():
        async with AsyncHost() as host:
            tools = host.kind(AsyncToolDispatcher)
            host.add(samples.Tool, "tool")
            host.add(Slow, "child", depends_on=["ghost"])
            heard: list[Started] = []
            await host.start(heard.append)
            assert [one.status.state for one in heard] == ["unavailable", "ready"]
            await host.check()
            before = host["tool"].channel
            await host.reload("tool")
            after = host["tool"].channel
            assert isinstance(before, AsyncInProcessChannel)
            assert isinstance(after, AsyncInProcessChannel)
            assert before.plugin is not after.plugin
            assert (await tools.execute(SAY)).result == "tool"
        assert host.status["tool"].state == "closed"

    asyncio.run(run())


@pytest.fixture
def limited(monkeypatch):
    hook: Hook = samples.Tool.kind.hooks["execute"]
    monkeypatch.setattr(hook, "timeout", 0.05)


class Sleeper(samples.Tool):
    async def execute(self, payload):
        await asyncio.sleep(5)


@pytest.mark.parametrize("made", [Slow, Sleeper])
def test_a_hooks_timeout_holds_in_process(host, limited, made):
    Slow.gate.clear()
    tools = host.kind(ToolDispatcher)
    host.add(made, "slow")
    host.start()
    start = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"execute: .* 0\.05 s"):
        tools.execute(SAY)
    Slow.gate.set()
    assert quiet_seconds_since(start) < 2


def test_a_hooks_timeout_holds_in_an_event_loop(limited):
    async def run():
        async with AsyncHost() as host:
            tools = host.kind(AsyncToolDispatcher)
            host.add(Sleeper, "slow")
            await host.start()
            with pytest.raises(DeadlineExceeded):
                await tools.execute(SAY)

    asyncio.run(run())


def test_a_process_that_ends_during_a_call_is_an_error_then_and_an_answer_later(host):
    tools = host.kind(ToolDispatcher)
    host.load(PLUGINS / "teller", ToolClient, runtime="mcp_stdio")
    host.add(samples.Tool, "other")
    host.start()
    process = ExecuteInput(function="process", args={})
    before = tools.execute(process).result

    with pytest.raises(PeerCrashed):
        tools.execute(ExecuteInput(function="leave", args={}))

    assert host.status["teller"].state == "degraded"
    assert tools.execute(SAY).result == "other"
    host.check()
    assert host.status["teller"].state == "ready"
    assert tools.execute(process).result != before


DAGSTACK = """
DAGSTACK_PLUGIN_MANIFEST = {
    "schema_version": "1", "name": "module", "kind": "tool", "kind_api_version": "1",
    "core_version": ">=0.4,<1", "runtime": "in_process", "entry_point": "sample_plugins:Tool",
}
MANIFEST = {**DAGSTACK_PLUGIN_MANIFEST, "name": "manifest"}

def manifest():
    return {**MANIFEST, "name": "function"}
"""


def test_entry_points_of_installed_packages_are_plugins(host, tmp_path, monkeypatch):
    info = tmp_path / "package-1.0.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Name: package\nVersion: 1.0\n", encoding="utf-8")
    info.joinpath("entry_points.txt").write_text(
        "[scaffold.plugins]\nclass = sample_plugins:Tool\nbroken = sample_plugins:Nothing\n"
        "other = sample_plugins:SAID\n"
        "[dagstack.plugins]\nclass = no_such_module\nmodule = dagstack_module\n"
        "manifest = dagstack_module:MANIFEST\nfunction = dagstack_module:manifest\n",
        encoding="utf-8",
    )
    tmp_path.joinpath("dagstack_module.py").write_text(DAGSTACK, encoding="utf-8")
    monkeypatch.setattr(samples, "SAID", "no plugin", raising=False)
    monkeypatch.syspath_prepend(tmp_path)

    tools = host.kind(ToolDispatcher)
    host.discover_installed()
    host.start()

    assert sorted(host.plugins) == ["class", "function", "manifest", "module"]
    assert tools.execute(ExecuteInput(function="say_class", args={})).result == "class"
    assert host.status["broken"].reason.startswith("'sample_plugins:Nothing' cannot be imported: ")
    assert host.status["other"].reason == "'sample_plugins:SAID' names no plugin"
