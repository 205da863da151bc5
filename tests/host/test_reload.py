"""A plugin is reloaded with its code as it is now, and what it was leaves nothing behind."""

import asyncio
import itertools
import logging
import sys
import threading
import time

import pytest
import sample_plugins as samples

from scaffold.contract._errors.errors import PluginError, ScaffoldError
from scaffold.host import AsyncHost, Host, InProcessChannel
from scaffold.kinds import text_processor_v1
from scaffold.kinds.text_processor_v1 import (
    AsyncTextProcessorClient,
    AsyncTextProcessorDispatcher,
    TextProcessorClient,
    TextProcessorDispatcher,
)

MANIFEST = """
[plugin]
name = "editor"
kind = "text_processor"
runtime = "{runtime}"
entry_point = "editor.plugin:Editor"

[plugin.mcp_stdio]
command = ["python", "-m", "scaffold.server", "editor.plugin:Editor", "--name", "editor"]
"""
PLUGIN = """
from scaffold.kinds.text_processor_v1 import ProcessInput, TextProcessorPlugin
from .words import WORD

class Editor(TextProcessorPlugin):
    def process(self, payload):
        return ProcessInput(text=payload.text + WORD)
"""
KEEPS_A_THREAD = """
import threading

ENOUGH = threading.Event()

def work():
    ENOUGH.wait(10)

class Busy(Editor):
    def setup(self, context):
        threading.Thread(target=work, name="busy", daemon=True).start()

Editor = Busy
"""
KEEPS_A_TASK = """
import asyncio

class Busy(Editor):
    async def setup(self, context):
        asyncio.get_running_loop().create_task(self.work(), name="busy")

    async def work(self):
        await asyncio.sleep(10)

Editor = Busy
"""
FAILS = """
class Broken(Editor):
    def setup(self, context):
        raise RuntimeError("no disk")

Editor = Broken
"""


@pytest.fixture
def host():
    with Host() as host:
        yield host


@pytest.fixture
def write(tmp_path):
    """Write the plugin: the word that it appends, and what its module ends with."""
    writes = itertools.count(1)

    def write(word="one", more="", runtime="in_process"):
        folder = tmp_path / "editor"
        (folder / "editor").mkdir(parents=True, exist_ok=True)
        (folder / "dagstack.toml").write_text(MANIFEST.format(runtime=runtime))
        (folder / "editor" / "plugin.py").write_text(PLUGIN + more)
        (folder / "editor" / "words.py").write_text(f"WORD = {word!r}\n" + "#" * next(writes))
        # No two are of one size: a cache of bytecode goes by that, and by the second.
        return folder

    yield write
    for name in [one for one in sys.modules if one.partition(".")[0].startswith("editor")]:
        del sys.modules[name]


def said(calls):
    return calls.process(samples.text("")).text


async def heard(calls):
    return (await calls.process(samples.text(""))).text


@pytest.mark.parametrize("keep", [False, True])
def test_reload_imports_the_folder_anew_and_clients_go_on(host, write, keep):
    calls = host.kind(TextProcessorDispatcher)
    client = host.load(write("one"), TextProcessorClient)
    other = host.client("editor", TextProcessorClient)
    shared = sys.modules[text_processor_v1.__name__]
    assert [said(one) for one in (calls, client, other)] == ["one"] * 3

    write("two")  # of one length, and within a second: no clock tells them apart
    assert not host.reload("editor", keep=keep)

    assert [said(one) for one in (calls, client, other)] == ["two"] * 3
    assert host["editor"].client is client
    assert sys.modules[text_processor_v1.__name__] is shared
    assert sys.modules["editor.words"].WORD == "two"


@pytest.mark.parametrize("keep", [False, True])
def test_code_that_cannot_be_imported_leaves_the_one_before_in_use(host, write, keep):
    client = host.load(write("one"), TextProcessorClient)
    before = host["editor"].channel
    write("two", "raise ValueError('half done')")
    with pytest.raises(PluginError, match=r"half done \(editor/plugin\.py:8\)"):
        host.reload("editor", keep=keep)
    assert host["editor"].channel is before
    assert said(client) == sys.modules["editor.words"].WORD == "one"
    write("six")
    host.reload("editor", keep=keep)
    assert said(client) == "six"


def test_a_fresh_plugin_that_cannot_be_set_up_leaves_the_one_before_in_use_if_it_is_kept(
    host, write
):
    client = host.load(write("one"), TextProcessorClient)
    before = host["editor"].channel
    write("two", FAILS)
    with pytest.raises(PluginError, match="setup failed: RuntimeError: no disk"):
        host.reload("editor", keep=True)
    assert host["editor"].channel is before
    assert host.status["editor"].state == "ready"
    assert said(client) == sys.modules["editor.words"].WORD == "one"


def test_what_a_reload_has_made_unavailable_a_reload_brings_back(host, write):
    calls = host.kind(TextProcessorDispatcher)
    client = host.load(write("one"), TextProcessorClient)
    write("two", FAILS)
    with pytest.raises(PluginError):
        host.reload("editor")
    assert host.status["editor"].state == "unavailable"
    write("six")
    host.reload("editor")
    assert host.status["editor"].state == "ready"
    assert [said(calls), said(client)] == ["six", "six"]


def test_what_a_plugin_is_lent_is_its_own_while_there_are_two(host, write):
    lent, returned = [], []

    def lend(stack):
        lent.append(len(lent))
        stack.callback(returned.append, lent[-1])
        return lent[-1]

    host.provide("desk", lend)
    folder = write("one")
    with (folder / "dagstack.toml").open("a") as manifest:
        manifest.write('[plugin.resources]\nrequired = ["desk"]\n')
    host.load(folder, TextProcessorClient)
    text = (folder / "dagstack.toml").read_text()
    write("two", FAILS)
    (folder / "dagstack.toml").write_text(text)
    with pytest.raises(PluginError):
        host.reload("editor", keep=True)
    assert (lent, returned) == ([0, 1], [1])
    write("two")
    (folder / "dagstack.toml").write_text(text)
    host.reload("editor", keep=True)
    assert (lent, returned) == ([0, 1, 2], [1, 0])


def test_calls_under_way_end_in_the_plugin_that_they_began_in(host):
    began, gate, answers = threading.Event(), threading.Event(), []

    class Slow(samples.Appender):
        def process(self, payload):
            began.set()
            gate.wait(30)
            return super().process(payload)

    calls = host.kind(TextProcessorDispatcher)
    host.add(Slow, "slow")
    host.start()
    before = host["slow"].channel
    caller = threading.Thread(target=lambda: answers.append(said(calls)))
    caller.start()
    assert began.wait(30)
    reloading = threading.Thread(target=host.reload, args=("slow",), kwargs={"keep": True})
    reloading.start()
    while host["slow"].channel is before:
        time.sleep(0.001)
    with pytest.raises(PluginError, match="it is being reloaded already"):
        host.reload("slow")
    gate.set()
    assert said(calls) == "slow"  # a new call is not refused
    caller.join(30)
    reloading.join(30)
    assert answers == ["slow"]


def test_a_process_is_started_again_and_the_one_before_kept_if_that_fails(host, write):
    client = host.load(write("one", runtime="mcp_stdio"), TextProcessorClient)
    write("two", "raise ValueError", runtime="mcp_stdio")
    with pytest.raises(ScaffoldError, match="editor"):
        host.reload("editor", keep=True)
    assert said(client) == "one"
    write("two", runtime="mcp_stdio")
    host.reload("editor", keep=True)
    assert said(client) == "two"


def test_a_thread_that_goes_on_is_reported(host, write, caplog):
    host.load(write("one", KEEPS_A_THREAD), TextProcessorClient)
    enough = sys.modules["editor.plugin"].ENOUGH
    write("two")
    remains = host.reload("editor")
    enough.set()
    assert remains.threads == ("busy",)
    assert "plugin=editor left behind: thread busy" in caplog.text


def test_a_plugin_that_somebody_holds_is_reported_with_who_does(host, write):
    host.load(write("one"), TextProcessorClient)
    channel = host["editor"].channel
    assert isinstance(channel, InProcessChannel)
    held = [channel.plugin]
    del channel
    (found,) = host.reload("editor").objects
    assert found == "the plugin editor.plugin.Editor, held by a list"
    del held[:]
    assert not host.reload("editor")


def test_an_event_loop_reloads_with_fresh_code_and_reports_tasks_that_go_on(write, tmp_path):
    async def run():
        async with AsyncHost() as host:
            calls = host.kind(AsyncTextProcessorDispatcher)
            client = await host.load(write("one", KEEPS_A_TASK), AsyncTextProcessorClient)
            write("two", FAILS)
            with pytest.raises(PluginError, match="no disk"):
                await host.reload("editor", keep=True)
            assert [await heard(client), await heard(calls)] == ["one", "one"]
            write("two")
            remains = await host.reload("editor", keep=True)
            assert remains.tasks == ("busy",)
            assert [await heard(client), await heard(calls)] == ["two", "two"]
            write("six")
            assert not await host.reload("editor")
            assert await heard(client) == "six"

    asyncio.run(run())


def eventually(told, words):
    deadline = time.monotonic() + 20
    while words not in told.text:
        assert time.monotonic() < deadline, told.text
        time.sleep(0.01)


def test_a_host_that_watches_reloads_what_has_changed_and_says_so(write, caplog):
    caplog.set_level(logging.INFO)
    with Host(watch_every=0.02) as host:
        client = host.load(write("one"), TextProcessorClient)
        write("three")
        eventually(caplog, "plugin=editor changed, reloaded")
        assert said(client) == "three"
        write("four", "raise ValueError('half done')")
        eventually(caplog, "plugin=editor changed, not reloaded, it is ready: editor: ")
        assert said(client) == "three"


def test_a_plugin_that_could_not_be_started_is_started_once_it_is_mended(write, caplog):
    caplog.set_level(logging.INFO)
    with Host(watch_every=0.02) as host:
        calls = host.kind(TextProcessorDispatcher)
        host.register(write("one", FAILS))
        host.start()
        assert host.status["editor"].state == "unavailable"
        write("two")
        eventually(caplog, "plugin=editor changed, reloaded")
        assert said(calls) == "two"


def test_an_event_loop_that_watches_reloads_what_has_changed(write, caplog):
    caplog.set_level(logging.INFO)

    async def run():
        async with AsyncHost(watch_every=0.02) as host:
            client = await host.load(write("one"), AsyncTextProcessorClient)
            assert await heard(client) == "one"
            write("three")
            await asyncio.to_thread(eventually, caplog, "plugin=editor changed, reloaded")
            assert await heard(client) == "three"

    asyncio.run(run())
