"""A host that is forked: the fork makes loops, threads and lent things of its own."""

import asyncio
import os
import signal
import threading
from pathlib import Path

import pytest
from observed_plugins import PATIENCE, Awaited, Gate, Plain, Record, in_thread, text

from scaffold.contract._context.storage import Blobs
from scaffold.contract._errors.errors import ConnectFailed, PluginLoadError
from scaffold.host import AsyncHost, Host
from scaffold.kinds.text_processor_v1 import (
    AsyncTextProcessorClient,
    AsyncTextProcessorDispatcher,
    TextProcessorClient,
    TextProcessorDispatcher,
)

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]


@pytest.fixture
def record():
    return Record()


def in_fork(work):
    """Do work in a forked process; return what it returns, as text."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE)  # a fork that hangs is ended
        status = 1
        try:
            os.write(writing, str(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read().decode()
    assert os.waitpid(child, 0)[1] == 0, "the fork has failed or hung"
    return answer


def started(host, made, **keys):
    host.kind(TextProcessorDispatcher)
    host.add(made, "p", **keys)
    host.start()
    return host.client("p", TextProcessorClient)


@pytest.mark.parametrize("made", [Plain, Awaited])
def test_both_sides_of_a_fork_call_a_plugin_of_their_process(record, made):
    with Host() as host:
        client = started(host, record.plugin(made))
        assert client.process(text("a")).text == "a"
        assert in_fork(lambda: client.process(text("b")).text) == "b"
        assert client.process(text("c")).text == "c"


def test_a_fork_sets_an_async_plugin_up_in_a_loop_of_its_own(record):
    async def setup(self, context):
        self.loop = asyncio.get_running_loop()
        record.add("setup")

    async def process(self, payload):
        assert asyncio.get_running_loop() is self.loop
        return payload

    def child():
        record.events.clear()
        results = [in_thread(lambda: client.process(text("b"))) for _ in range(4)]
        assert [result().text for result in results] == ["b"] * 4
        host.close()
        return record.events

    with Host() as host:
        client = started(host, record.plugin(Awaited, setup=setup, process=process))
        client.process(text("a"))
        assert in_fork(child) == "['setup', 'teardown']"
        assert client.process(text("c")).text == "c"
    assert record.counts == (1, 1)


def test_a_fork_that_returns_into_a_call_of_its_parent_is_told_so(record):
    host_process, children, forked = os.getpid(), [], threading.Event()

    def fork(*_signal):
        if children:
            return
        children.append(os.fork())
        if not children[0]:
            signal.alarm(PATIENCE)
        forked.set()

    async def process(self, payload):
        if payload.text == "fork":
            # Handlers run in the main thread, which waits. Python misses a signal that comes just
            # before a wait begins, so more than one is sent.
            while not forked.is_set():
                os.kill(os.getpid(), signal.SIGUSR1)
                await asyncio.sleep(0.05)
        return payload

    before = signal.signal(signal.SIGUSR1, fork)
    try:
        with Host() as host:
            client = started(host, record.plugin(Awaited, process=process))
            status = 1
            try:
                assert client.process(text("fork")).text == "fork"
            except ConnectFailed as error:
                told = "the call belongs to the process that this one was forked from" in str(error)
                status = 0 if told and client.process(text("own")).text == "own" else 1
            finally:
                if os.getpid() != host_process:
                    os._exit(status)
            assert os.waitpid(children[0], 0)[1] == 0
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_fork_does_not_tear_down_what_its_parent_has_set_up(record):
    def setup(self, context):
        self.folder = context.resources["tmpdir"]
        (self.folder / "kept").write_text("x")
        record.add("setup")

    def child():
        record.events.clear()
        host.close()
        return record.events

    with Host() as host:
        client = started(
            host, record.plugin(Plain, setup=setup), resources={"required": ["tmpdir"]}
        )
        folder = host["p"].channel.plugin.folder
        assert in_fork(child) == "[]"
        assert (folder / "kept").is_file()
        assert client.process(text("c")).text == "c"
    assert record.counts == (1, 1)
    assert not folder.exists()


def test_a_fork_that_ends_normally_leaves_its_parents_folders_alone(tmp_path):
    import subprocess
    import sys

    script = """
import os, sys
from observed_plugins import Plain
from scaffold.host import Host
from scaffold.kinds.text_processor_v1 import TextProcessorDispatcher

class Keeps(Plain):
    def setup(self, context):
        self.folder = context.resources["tmpdir"]
        context.checkpoint.save("a", {})

host = Host()
host.kind(TextProcessorDispatcher)
host.add(Keeps, "p", resources={"required": ["tmpdir"]})
host.start()
folders = [host["p"].channel.plugin.folder, host._storage.folder()]
child = os.fork()
if child == 0:
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
print([folder.is_dir() for folder in folders])
host.close()
print([folder.is_dir() for folder in folders])
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=Path(__file__).parent,
    )
    assert (done.stdout, done.stderr) == ("[True, True]\n[False, False]\n", "")


def test_a_setup_that_fails_in_a_fork_is_one_clear_error(record):
    async def setup(self, context):
        record.add("setup")
        if len(record.events) > 1:
            raise ValueError("no second time")

    def child():
        with pytest.raises(PluginLoadError) as caught:
            client.process(text("b"))
        return caught.value

    with Host() as host:
        client = started(host, record.plugin(Awaited, setup=setup))
        client.process(text("a"))
        refused = "p: setup in a forked process failed: ValueError: no second time"
        assert in_fork(child) == refused


def test_what_another_thread_holds_or_does_at_the_fork_blocks_nothing_in_it(record):
    """Locks of the host, calls in flight, notifications that are delivered."""
    gate = Gate()

    def process(self, payload):
        if payload.text == "wait":
            gate.pass_by()
        return payload

    def child():
        host.event_bus.publish("topic")
        host.register("nowhere")
        assert client.process(text("b")).text == "b"
        host.reload("p")
        host.close()
        return "done"

    with Host() as host:
        client = started(host, record.plugin(Plain, process=process))
        host.event_bus.subscribe("topic", lambda _: None)
        waiting = in_thread(lambda: client.process(text("wait")))
        assert gate.reached.wait(PATIENCE)
        held, release = threading.Event(), threading.Event()

        def hold():
            with host._registry._lock, host._services.events._lock:
                held.set()
                assert release.wait(PATIENCE)

        holder = in_thread(hold)
        assert held.wait(PATIENCE)
        assert in_fork(child) == "done"
        release.set()
        gate.open.set()
        holder()
        assert waiting().text == "wait"


def test_an_event_loop_of_a_fork_calls_what_was_set_up_in_another(record):
    async def setup(self, context):
        self.loop = asyncio.get_running_loop()
        record.add("setup")

    async def process(self, payload):
        assert asyncio.get_running_loop() is self.loop
        return payload

    host = AsyncHost()

    async def parent():
        host.kind(AsyncTextProcessorDispatcher)
        host.add(record.plugin(Awaited, setup=setup, process=process), "p")
        await host.start()

    async def call():
        client = host.client("p", AsyncTextProcessorClient)
        answers = await asyncio.gather(*(client.process(text("b")) for _ in range(3)))
        return [answer.text for answer in answers]

    asyncio.run(parent())
    assert in_fork(lambda: asyncio.run(call())) == "['b', 'b', 'b']"


def test_a_fork_hears_an_event_once_though_its_plugin_subscribes_again(record):
    async def setup(self, context):
        context.event_bus.subscribe("topic", lambda _: record.add("heard"))

    def child():
        record.events.clear()
        client.process(text("b"))
        host.event_bus.publish("topic")
        host.close()
        return record.events

    with Host() as host:
        client = started(host, record.plugin(Awaited, setup=setup))
        client.process(text("a"))
        assert in_fork(child) == "['heard', 'teardown']"


def test_a_store_is_used_in_a_fork_though_another_thread_held_its_lock():
    blobs, held, release = Blobs(), threading.Event(), threading.Event()
    blobs.put("a", b"1")

    def hold():
        with blobs._lock:
            held.set()
            assert release.wait(PATIENCE)

    holder = in_thread(hold)
    assert held.wait(PATIENCE)
    assert in_fork(lambda: (blobs.put("b", b"2"), blobs.list())[1]) == "['a', 'b']"
    release.set()
    holder()
    assert blobs.list() == ["a"]
