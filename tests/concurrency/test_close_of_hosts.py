"""The end of a host: final, bounded, and without anything left of it."""

import asyncio
import collections
import subprocess
import sys
import threading
import time

import pytest
from observed_plugins import PATIENCE, Awaited, Gate, Plain, Record, in_thread, text

from scaffold.contract._errors.errors import ConnectFailed, PluginError
from scaffold.host import AsyncHost, Host
from scaffold.host._concurrency.loop_thread import LoopThread
from scaffold.host._concurrency.thread_pool import ThreadPool
from scaffold.host._concurrency.time_limit import ThreadUnavailable, WorkRefused
from scaffold.host._concurrency.waiting import wait_until
from scaffold.kinds.text_processor_v1 import (
    AsyncTextProcessorClient,
    AsyncTextProcessorDispatcher,
    TextProcessorClient,
    TextProcessorDispatcher,
)


@pytest.fixture
def record():
    return Record()


def started(host, made, **keys):
    host.kind(TextProcessorDispatcher)
    host.add(made, "p", **keys)
    host.start()
    return host.client("p", TextProcessorClient)


def test_calls_that_meet_a_close_get_an_answer_or_are_refused(record):
    """With a storm of calls of an async plugin: no loop comes back, no hook runs afterwards."""
    ends = collections.Counter()
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    down = threading.Event()

    async def process(self, payload):
        assert not down.is_set(), "a hook runs after the teardown"
        await asyncio.sleep(0)
        return payload

    async def teardown(self):
        record.add("teardown")
        down.set()

    try:
        for _ in range(25):
            down.clear()
            host = Host()
            client = started(host, record.plugin(Awaited, process=process, teardown=teardown))

            def work(client=client):
                while True:
                    try:
                        client.process(text())
                    except ConnectFailed as error:
                        return str(error)

            calls = [in_thread(work) for _ in range(4)]
            time.sleep(0.002)
            in_thread(host.close)()
            ends.update(call() for call in calls)
    finally:
        sys.setswitchinterval(before)
    assert ends == {"the channel is closed": 100}
    assert record.counts == (25, 25)
    assert not [one.name for one in threading.enumerate() if one.name == "plugin-p"]


@pytest.mark.parametrize("made", [Plain, Awaited])
def test_a_teardown_waits_for_calls_in_flight(record, made):
    gate = Gate()

    def process(self, payload):
        gate.pass_by()
        record.add("answered")
        return payload

    async def process_async(self, payload):
        await gate.pass_by_async()
        record.add("answered")
        return payload

    host = Host()
    method = process if made is Plain else process_async
    client = started(host, record.plugin(made, process=method))
    call = in_thread(lambda: client.process(text("a")))
    assert gate.reached.wait(PATIENCE)
    flights = host["p"].in_flight
    closing = in_thread(host.close)
    assert wait_until(lambda: flights.closed, PATIENCE)
    with pytest.raises(ConnectFailed, match="the channel is closed"):
        client.process(text())
    gate.open.set()
    assert call().text == "a"
    closing()
    assert record.events == ["setup", "answered", "teardown"]


def test_a_call_that_does_not_end_is_refused_in_the_end(record):
    """Also if the loop of the plugin is blocked, so that nothing can be cancelled in it."""
    gate = Gate()

    async def process(self, payload):
        gate.pass_by()

    loop = LoopThread("p")
    call = in_thread(lambda: loop.run(process(None, None)))
    assert gate.reached.wait(PATIENCE)
    loop.end_calls()
    with pytest.raises(WorkRefused):
        call()
    gate.open.set()
    loop.close()
    with pytest.raises(WorkRefused):
        loop.run(process(None, None))


def test_a_loop_that_cannot_be_ended_is_left_and_its_callers_get_an_error(monkeypatch):
    monkeypatch.setattr("scaffold.host._concurrency.loop_thread._ENDING", 0.05)
    gate = Gate()

    async def process():
        gate.pass_by()

    loop = LoopThread("p")
    call = in_thread(lambda: loop.run(process()))
    assert gate.reached.wait(PATIENCE)
    loop.close()
    with pytest.raises(WorkRefused):
        call()
    gate.open.set()


def test_an_async_hook_cannot_close_or_reload_its_own_plugin(record):
    host = Host()
    refusals = []

    async def process(self, payload):
        for end in (host.close, lambda: host.reload("p", cancel=True)):
            with pytest.raises(PluginError, match="p: one of its async hooks closes or reloads"):
                end()
            refusals.append(end)
        return payload

    client = started(host, record.plugin(Awaited, process=process))
    assert client.process(text("a")).text == "a"
    assert len(refusals) == 2
    assert host.status["p"].state == "ready"
    host.close()
    assert record.counts == (1, 1)


def test_a_plain_hook_may_close_its_host(record):
    host = Host()

    def process(self, payload):
        host.close()
        return payload

    client = started(host, record.plugin(Plain, process=process))
    assert client.process(text("a")).text == "a"
    assert record.counts == (1, 1)
    assert host.status["p"].state == "closed"


def test_a_hook_in_an_event_loop_may_close_its_host(record):
    async def main():
        host = AsyncHost()

        async def process(self, payload):
            await host.aclose()
            return payload

        host.kind(AsyncTextProcessorDispatcher)
        host.add(record.plugin(Awaited, process=process), "p")
        await host.start()
        client = host.client("p", AsyncTextProcessorClient)
        assert (await client.process(text("a"))).text == "a"

    asyncio.run(main())
    assert record.counts == (1, 1)


def test_a_second_close_waits_for_the_first_and_a_teardown_may_close(record):
    gate, host = Gate(), Host()

    def teardown(self):
        host.close()
        gate.pass_by()
        record.add("teardown")

    started(host, record.plugin(Plain, teardown=teardown))
    first = in_thread(host.close)
    assert gate.reached.wait(PATIENCE)
    second = in_thread(lambda: (host.close(), record.counts)[1])
    gate.open.set()
    first()
    assert second() == (1, 1)


def test_nothing_starts_after_a_close(record):
    host = Host()
    host.kind(TextProcessorDispatcher)
    host.add(record.plugin(Plain), "p")
    host.close()
    with pytest.raises(PluginError, match="p: the host is closed"):
        host.start()
    with pytest.raises(PluginError, match="q: the host is closed"):
        host.add(record.plugin(Plain), "q")
    assert record.counts == (0, 0)


def test_a_plugin_that_is_being_started_while_its_host_closes_is_torn_down(record):
    gate = Gate()

    def setup(self, context):
        gate.pass_by()
        record.add("setup")

    host = Host()
    host.kind(TextProcessorDispatcher)
    host.add(record.plugin(Plain, setup=setup), "p")
    start = in_thread(host.start)
    assert gate.reached.wait(PATIENCE)
    close = in_thread(host.close)
    gate.open.set()
    close()
    start()
    assert record.counts == (1, 1)
    assert not host.plugins


def test_a_cancelled_close_closes_all_the_same(record):
    async def main():
        waiting, go_on = asyncio.Event(), asyncio.Event()

        async def teardown(self):
            waiting.set()
            await go_on.wait()
            record.add("teardown")

        host = AsyncHost()
        host.kind(AsyncTextProcessorDispatcher)
        for name in "ab":
            host.add(record.plugin(Awaited, teardown=teardown), name)
        await host.start()
        close = asyncio.create_task(host.aclose())
        await waiting.wait()
        close.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await close
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert record.counts == (2, 2)


@pytest.mark.parametrize("base", ["Plain", "Awaited"])
def test_a_host_closes_at_the_end_of_the_interpreter(base):
    script = f"""
import atexit
from observed_plugins import {base}, text
from scaffold.host import Host
from scaffold.host._concurrency.waiting import wait_until
from scaffold.kinds.text_processor_v1 import TextProcessorClient, TextProcessorDispatcher

class Told({base}):
    def teardown(self):
        print("torn down", flush=True)

def end():
    try:
        print(client.process(text("a")).text)
    finally:
        host.close()

host = Host()
host.kind(TextProcessorDispatcher)
host.add(Told, "p")
host.start()
client = host.client("p", TextProcessorClient)
client.process(text("a"))
atexit.register(end)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=__file__.rpartition("/")[0],
    )
    assert (done.stdout, done.stderr, done.returncode) == ("a\ntorn down\n", "", 0)


@pytest.fixture
def no_threads(monkeypatch):
    def start(self):
        raise RuntimeError("can't start new thread")

    def refuse():
        monkeypatch.setattr(threading.Thread, "start", start)

    return refuse


def test_a_failure_to_start_a_thread_is_an_error_and_is_recovered_from(
    record, no_threads, monkeypatch
):
    host = Host()
    client = started(host, record.plugin(Awaited, setup=Plain.setup))
    with monkeypatch.context() as patch:
        patch.setattr(
            threading.Thread, "start", lambda _: (_ for _ in ()).throw(RuntimeError("none left"))
        )
        with pytest.raises(ConnectFailed, match="the thread 'plugin-p' cannot be started: none"):
            client.process(text())
    assert client.process(text("a")).text == "a"
    host.close()
    assert record.counts == (1, 1)


def test_a_plugin_is_torn_down_though_no_thread_can_be_started(record, no_threads):
    host = Host()
    started(host, record.plugin(Plain))
    no_threads()
    host.close()
    assert record.counts == (1, 1)


def test_a_crew_without_a_thread_refuses_and_one_with_threads_queues(no_threads):
    done, gate = threading.Event(), Gate()
    empty, crew = ThreadPool("empty"), ThreadPool("crew")
    crew.do(gate.pass_by)
    assert gate.reached.wait(PATIENCE)
    no_threads()
    with pytest.raises(ThreadUnavailable, match="the thread 'empty' cannot be started"):
        empty.do(done.set)
    crew.do(done.set)
    assert not done.is_set()
    gate.open.set()
    assert done.wait(PATIENCE)
    crew.close()
    with pytest.raises(WorkRefused):
        crew.do(done.set)


def test_what_waits_in_a_crew_that_is_closed_is_dropped_once():
    gate, dropped = Gate(), []
    crew = ThreadPool("crew", most=1)
    crew.do(gate.pass_by)
    assert gate.reached.wait(PATIENCE)
    crew.do(lambda: dropped.append("done"), lambda: dropped.append("dropped"))
    crew.close()
    crew.close()
    gate.open.set()
    assert dropped == ["dropped"]
