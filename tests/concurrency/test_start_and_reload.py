"""Start, reload and load of a host: all or nothing, whatever comes in between."""

import asyncio
import signal
import threading
import time
from collections import Counter
from contextlib import suppress

import pytest
from observed_plugins import PATIENCE, Awaited, Gate, Plain, Record, in_thread, text

from scaffold.contract._errors.errors import DuplicatePlugin, PluginError
from scaffold.host import AsyncHost, Host
from scaffold.host._concurrency.thread_pool import ThreadPool
from scaffold.host._concurrency.waiting import async_wait_until, wait_until
from scaffold.kinds.text_processor_v1 import (
    AsyncTextProcessorClient,
    AsyncTextProcessorDispatcher,
    TextProcessorClient,
    TextProcessorDispatcher,
)


def interrupt_main():
    """Do what ^C does, also to a main thread that waits."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


@pytest.fixture
def record():
    return Record()


def test_a_second_reload_of_a_plugin_is_refused_while_the_first_goes_on(record):
    gate = Gate()

    def teardown(self):
        gate.pass_by()
        record.add("teardown")

    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.add(record.plugin(Plain, teardown=teardown), "p")
        host.start()
        first = in_thread(lambda: host.reload("p"))
        assert gate.reached.wait(PATIENCE)
        assert host.status["p"].state == "reloading"
        with pytest.raises(PluginError, match="p: it is being reloaded already"):
            host.reload("p")
        gate.open.set()
        first()
        assert host.client("p", TextProcessorClient).process(text("a")).text == "a"
    assert record.counts == (2, 2)


def test_reloads_of_many_threads_set_up_as_often_as_they_tear_down(record):
    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.add(record.plugin(Plain), "p")
        host.start()

        def reload():
            for _ in range(5):
                with suppress(PluginError):
                    host.reload("p")

        for result in [in_thread(reload) for _ in range(4)]:
            result()
    ups, downs = record.counts
    assert ups == downs > 1


def test_a_start_waits_for_that_of_another_thread_and_repeats_nothing(record):
    gate = Gate()

    def setup(self, context):
        record.add("setup")
        gate.pass_by()

    with Host() as host:
        host.kind(TextProcessorDispatcher)
        for name in "abc":
            host.add(record.plugin(Plain, setup=setup), name)
        first = in_thread(host.start)
        assert gate.reached.wait(PATIENCE)
        assert host.status["a"].state == "starting"
        second = in_thread(host.start)
        gate.open.set()
        first()
        second()
        assert {status.state for status in host.status.values()} == {"ready"}
    assert record.counts == (3, 3)


def test_a_start_that_start_has_called_is_refused(record):
    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.add(record.plugin(Plain), "p")
        with pytest.raises(RuntimeError, match="start is called by code that start has called"):
            host.start(lambda _: host.start())
        assert host.status["p"].state == "ready"


def test_a_name_that_is_being_loaded_is_taken(record, tmp_path):
    with Host() as host, host._registry.loading("p"), pytest.raises(DuplicatePlugin):
        host.add(record.plugin(Plain), "p")


@pytest.mark.parametrize("keep", [False, True])
def test_an_interrupted_reload_leaves_the_plugin_in_use(record, keep):
    gate = Gate()

    def process(self, payload):
        gate.pass_by()
        return payload

    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.add(record.plugin(Plain, process=process), "p", teardown_timeout_sec=PATIENCE)
        host.start()
        client = host.client("p", TextProcessorClient)
        call = in_thread(lambda: client.process(text("a")))
        assert gate.reached.wait(PATIENCE)

        flights = host["p"].in_flight

        def interrupt():
            assert wait_until(lambda: flights.closed, PATIENCE)  # it waits for the call then
            interrupt_main()
            if keep:  # what is ended waits for its call
                time.sleep(0.2)
                gate.open.set()

        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            host.reload("p", keep=keep)
        gate.open.set()
        assert call().text == "a"
        assert host.status["p"].state == "ready"
        assert client.process(text("b")).text == "b"
    ups, downs = record.counts
    assert ups == downs


def test_an_interrupted_start_leaves_plugins_registered_and_tears_down_what_comes_late(record):
    gate = Gate()

    def setup(self, context):
        record.add("begun")
        gate.pass_by()
        record.add("setup")

    with Host() as host:
        host.kind(TextProcessorDispatcher)
        for name in "ab":
            host.add(record.plugin(Plain, setup=setup), name)
        both = Counter(begun=2)
        in_thread(
            lambda: (wait_until(lambda: Counter(record.events) == both, PATIENCE), interrupt_main())
        )
        with pytest.raises(KeyboardInterrupt):
            host.start()
        assert {status.state for status in host.status.values()} == {"registered"}
        gate.open.set()
    assert wait_until(lambda: record.counts == (2, 2), PATIENCE)
    assert not host.plugins


@pytest.mark.parametrize("made", [Plain, Awaited])
@pytest.mark.parametrize("keep", [False, True])
def test_a_cancelled_reload_leaves_the_plugin_in_use(record, keep, made):
    async def main():
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def process(self, payload):
            if payload.text == "slow":
                begun.set()
                await go_on.wait()
            return payload

        async with AsyncHost() as host:
            host.kind(AsyncTextProcessorDispatcher)
            host.add(record.plugin(made, process=process), "p", teardown_timeout_sec=PATIENCE)
            await host.start()
            client = host.client("p", AsyncTextProcessorClient)
            flights = host["p"].in_flight
            slow = asyncio.create_task(client.process(text("slow")))
            await begun.wait()
            reload = asyncio.create_task(host.reload("p", keep=keep))
            assert await async_wait_until(lambda: flights.closed, PATIENCE)
            reload.cancel()
            asyncio.get_running_loop().call_later(0.05, go_on.set)
            with pytest.raises(asyncio.CancelledError):
                await reload
            assert (await slow).text == "slow"
            assert host.status["p"].state == "ready"
            assert (await client.process(text("a"))).text == "a"

    asyncio.run(main())
    ups, downs = record.counts
    assert ups == downs


def test_a_reload_cancelled_after_the_teardown_brings_the_fresh_plugin_up(record):
    async def main():
        torn_down, go_on = asyncio.Event(), asyncio.Event()

        async def teardown(self):
            record.add("teardown")
            torn_down.set()
            await go_on.wait()

        async with AsyncHost() as host:
            host.kind(AsyncTextProcessorDispatcher)
            host.add(record.plugin(Awaited, teardown=teardown), "p")
            await host.start()
            reload = asyncio.create_task(host.reload("p"))
            await torn_down.wait()
            reload.cancel()
            asyncio.get_running_loop().call_later(0.02, go_on.set)
            with pytest.raises(asyncio.CancelledError):
                await reload
            client = host.client("p", AsyncTextProcessorClient)
            assert (await client.process(text("a"))).text == "a"

    asyncio.run(main())
    assert record.counts == (2, 2)


def test_a_cancelled_start_leaves_nothing_going_on_and_can_be_repeated(record):
    async def main():
        waiting, go_on = asyncio.Event(), asyncio.Event()

        async def setup(self, context):
            waiting.set()
            await go_on.wait()
            record.add("setup")

        async with AsyncHost() as host:
            host.kind(AsyncTextProcessorDispatcher)
            host.add(record.plugin(Awaited), "a")
            for name in "bc":
                host.add(record.plugin(Awaited, setup=setup), name)
            before = asyncio.all_tasks()
            start = asyncio.create_task(host.start())
            await waiting.wait()
            start.cancel()
            with pytest.raises(asyncio.CancelledError):
                await start
            assert asyncio.all_tasks() == before
            states = {name: str(status.state) for name, status in host.status.items()}
            assert states == {"a": "ready", "b": "registered", "c": "registered"}
            go_on.set()
            await host.start()
            assert {status.state for status in host.status.values()} == {"ready"}

    asyncio.run(main())
    assert record.counts == (3, 3)


def test_a_plain_setup_that_ends_after_its_start_was_cancelled_is_torn_down(record):
    gate = Gate()

    def setup(self, context):
        gate.pass_by()
        record.add("setup")

    async def main():
        async with AsyncHost() as host:
            host.kind(AsyncTextProcessorDispatcher)
            host.add(record.plugin(Plain, setup=setup), "p")
            start = asyncio.create_task(host.start())
            assert await async_wait_until(gate.reached.is_set, PATIENCE)
            start.cancel()
            with pytest.raises(asyncio.CancelledError):
                await start
            assert host.status["p"].state == "registered"
            gate.open.set()

    asyncio.run(main())
    assert record.counts == (1, 1)


def test_a_setup_that_ends_after_its_time_is_torn_down(record):
    gate = Gate()

    def setup(self, context):
        gate.pass_by()
        record.add("setup")

    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.add(record.plugin(Plain, setup=setup), "p", startup_timeout_sec=0.05)
        host.start()
        assert host.status["p"].reason == "setup failed: it did not end within 0.05 s"
        gate.open.set()
    assert record.counts == (1, 1)


def test_a_check_of_health_does_not_bring_back_a_plugin_that_is_being_reloaded(record):
    gate = Gate()

    def process(self, payload):
        gate.pass_by()
        return payload

    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.add(record.plugin(Plain, process=process), "p", teardown_timeout_sec=PATIENCE)
        host.start()
        client = host.client("p", TextProcessorClient)
        call = in_thread(lambda: client.process(text()))
        assert gate.reached.wait(PATIENCE)
        reload = in_thread(lambda: host.reload("p"))
        assert wait_until(lambda: host.status["p"].state == "reloading", PATIENCE)
        host.check()
        assert host.status["p"].state == "reloading"
        gate.open.set()
        call()
        reload()
        assert host.status["p"].state == "ready"


class Interrupted(threading.Thread):
    """A thread whose start is interrupted once it runs, as by a signal handler that raises."""

    def start(self):
        super().start()
        raise KeyboardInterrupt


def test_a_setup_whose_start_was_interrupted_is_torn_down(record, monkeypatch):
    monkeypatch.setattr("scaffold.host._concurrency.time_limit.threading.Thread", Interrupted)
    host = Host()
    host.kind(TextProcessorDispatcher)
    host.add(record.plugin(Plain), "p")
    with pytest.raises(KeyboardInterrupt):
        host.start()
    monkeypatch.undo()
    host.close()
    assert wait_until(lambda: record.counts == (1, 1), PATIENCE)


def test_a_thread_whose_start_was_interrupted_ends_with_its_crew(monkeypatch):
    crew, done = ThreadPool("interrupted"), threading.Event()
    monkeypatch.setattr("scaffold.host._concurrency.thread_pool.threading.Thread", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        crew.do(done.set)
    monkeypatch.undo()
    assert done.wait(PATIENCE)
    crew.close()
    assert wait_until(
        lambda: "interrupted" not in [one.name for one in threading.enumerate()], PATIENCE
    )
