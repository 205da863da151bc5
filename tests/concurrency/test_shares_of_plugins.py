"""One plugin that hangs takes nothing from the others, and signals may come at any time."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from observed_plugins import PATIENCE, Gate, Plain, Record, in_thread, text

from scaffold.host import AsyncHost, Host
from scaffold.host._concurrency.background_work import BackgroundCalls
from scaffold.host._concurrency.loop_thread import LoopThread
from scaffold.host._concurrency.thread_pool import MOST, ThreadPool
from scaffold.host._concurrency.waiting import async_wait_until, wait_until
from scaffold.kinds.text_processor_v1 import (
    AsyncTextProcessorClient,
    AsyncTextProcessorDispatcher,
    TextProcessorClient,
    TextProcessorDispatcher,
)


def test_a_plugin_whose_calls_all_hang_takes_no_thread_from_another():
    gate, record = Gate(), Record()

    def process(self, payload):
        gate.pass_by()
        return payload

    def health(self):
        record.add("asked")

    async def main():
        async with AsyncHost() as host:
            host.kind(AsyncTextProcessorDispatcher)
            host.add(
                record.plugin(Plain, process=process), "bad", execution_model="thread_cpu_bound"
            )
            host.add(
                record.plugin(Plain, health=health), "good", execution_model="thread_cpu_bound"
            )
            await host.start()
            bad = host.client("bad", AsyncTextProcessorClient)
            calls = [asyncio.create_task(bad.process(text())) for _ in range(MOST + 6)]
            assert await async_wait_until(gate.reached.is_set, PATIENCE)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            await host.check()
            good = host.client("good", AsyncTextProcessorClient)
            assert (await good.process(text("a"))).text == "a"
            await host.reload("good")
            assert host.status["good"].state == "ready"
            gate.open.set()

    asyncio.run(main())
    assert record.events.count("asked") == 1


def test_work_whose_result_was_given_up_is_not_begun():
    gate, begun = Gate(), []
    crew = ThreadPool("crew", most=1)

    async def main():
        first = crew.result_of(gate.pass_by)
        assert await async_wait_until(gate.reached.is_set, PATIENCE)
        second = crew.result_of(lambda: begun.append("second"))
        third = crew.result_of(lambda: begun.append("third"))
        second.cancel()
        gate.open.set()
        await first
        await third

    asyncio.run(main())
    crew.close()
    assert begun == ["third"]


def test_parties_that_hang_do_not_keep_notifications_from_others():
    post, gate, told = BackgroundCalls(), Gate(), threading.Event()
    for number in range(40):
        post.send(f"hangs-{number}", lambda _: gate.pass_by(), None)
    post.send("well", lambda _: told.set(), None)
    assert told.wait(PATIENCE)
    gate.open.set()
    post.close(PATIENCE)


def test_notifications_are_made_in_order_whichever_thread_delivers_them():
    post, heard = BackgroundCalls(), []
    for number in range(2_000):
        post.send("p", heard.append, number)
    post.close(PATIENCE)
    assert heard == list(range(2_000))


def test_a_notification_after_the_end_is_dropped_and_logged(caplog):
    post = BackgroundCalls()
    post.close(0)
    post.send("p", lambda _: None, None)
    assert "a notification is dropped, the host is closed" in caplog.text


SIGNALLED = """
import faulthandler, signal, sys, time
from observed_plugins import Awaited, text
from scaffold.host import Host
from scaffold.kinds.text_processor_v1 import TextProcessorClient, TextProcessorDispatcher

faulthandler.dump_traceback_later(25, exit=True)
host = Host()
host.kind(TextProcessorDispatcher)
host.add(Awaited, "p")
host.start()
client, bus = host.client("p", TextProcessorClient), host.event_bus
bus.subscribe("topic", lambda _: None)
signals = []

def handler(*_):
    signals.append(1)
    bus.publish("topic")
    assert client.process(text("h")).text == "h"

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.004, 0.004)
end = time.monotonic() + 20
while len(signals) < 60 and time.monotonic() < end:
    bus.publish("topic")
    assert client.process(text("m")).text == "m"
    bus.unsubscribe(bus.subscribe("other", print))
signal.setitimer(signal.ITIMER_REAL, 0)
host.close()
print(len(signals) >= 60)
"""


def run(script):
    # Locks are not checked: a handler takes some while the code below it holds others.
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=Path(__file__).parent,
        env={**os.environ, "SCAFFOLD_DEBUG_LOCKS": "0"},
    )


def test_a_signal_handler_publishes_and_calls_while_the_code_below_does():
    done = run(SIGNALLED)
    assert (done.stdout, done.stderr) == ("True\n", "")


def interrupted(loop, step):
    """Wait for a loop; in one step wait for it again, until the first answer is there.

    Returns False if the thread waits before it has made so many steps. Traced lines stand for the
    steps at which a signal may come.
    """
    wanted, lines, before = asyncio.Event(), itertools.count(), sys.gettrace()

    async def below():
        with suppress(TimeoutError):
            await asyncio.wait_for(wanted.wait(), 1)
            return True
        return False

    async def above():
        wanted.set()
        for _ in range(10):
            await asyncio.sleep(0)

    def handle(frame, event, _):
        if frame.f_globals.get("__name__") == __name__:
            return None
        if event == "line" and next(lines) == step:
            sys.settrace(None)
            loop.run(above(), PATIENCE)
        return handle

    sys.settrace(handle)
    try:
        return loop.run(below(), PATIENCE)
    finally:
        sys.settrace(before)


def test_a_handler_may_wait_for_a_loop_at_every_step_of_a_wait_for_it():
    loop = LoopThread("p")
    assert interrupted(loop, 0)
    steps = next(step for step in itertools.count(1) if not interrupted(loop, step))
    assert steps > 10
    loop.close()


def test_a_signal_handler_closes_a_host_whose_start_or_call_it_interrupts():
    gate, record = Gate(), Record()

    def process(self, payload):
        gate.reached.set()
        assert wait_until(lambda: record.counts[1] == 1, PATIENCE)
        return payload

    host = Host()
    host.kind(TextProcessorDispatcher)
    host.add(record.plugin(Plain, process=process), "p")
    host.start()
    client = host.client("p", TextProcessorClient)
    before = signal.signal(signal.SIGUSR1, lambda *_: host.close())
    try:
        in_thread(
            lambda: (
                gate.reached.wait(PATIENCE),
                signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1),
            )
        )
        assert client.process(text("a")).text == "a"
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert record.counts == (1, 1)
