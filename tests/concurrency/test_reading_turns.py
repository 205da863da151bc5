"""Answers that have come are read, whichever thread was reading when it left."""

import asyncio
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from busy import quiet_seconds_since
from slow_channels import LONG_TIMEOUT, ask, asked, open_awaited, open_blocking, run_program

from scaffold.client._protocol.session import OutgoingMessage
from scaffold.client._stdio.connection.transport import NotSent
from scaffold.contract._context.call_context import reporting_to
from scaffold.contract._errors.errors import ConnectFailed, DeadlineExceeded, PeerCrashed


@pytest.fixture
def channel():
    channel = open_blocking()
    yield channel
    channel.close()


def wait_until(true):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def readers(channel, number):
    """Wait until so many threads queue for answers."""
    wait_until(lambda: len(channel._connection.turns) == number)


def test_a_thread_whose_time_is_up_leaves_the_reading_to_another(channel):
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, channel, "30 never", "short_timeout")
        readers(channel, 1)
        second = pool.submit(ask, channel, "1.5 answer", "medium_timeout")
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            first.result()
        assert second.result() == "answer"
        # The thread that waits finds it by itself half a second later at the latest.
        assert quiet_seconds_since(started) < 8


def test_a_thread_that_runs_a_progress_listener_does_not_keep_the_reading(channel):
    listens, go_on = threading.Event(), threading.Event()

    def listen(_progress, _total, _message):
        listens.set()
        assert go_on.wait(20)

    def report():
        with reporting_to(listen):
            return ask(channel, "report 0.1 first")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(report)
        assert listens.wait(20)
        try:
            assert pool.submit(ask, channel, "0 second").result(15) == "second"
        finally:
            go_on.set()
        assert first.result(15) == "first"


def test_a_request_is_not_torn_by_cancellations_that_were_kept_back():
    async def main():
        channel = open_awaited()
        await channel.connect()
        old = [asyncio.create_task(asked(channel, "9 old")) for _ in range(4)]
        await asyncio.sleep(0.1)
        for task in old:
            task.cancel()
        new = asyncio.create_task(asked(channel, "bytes " + "x" * 3_000_000))
        assert await new == 3_000_000
        await asyncio.gather(*old, return_exceptions=True)
        await channel.aclose()

    asyncio.run(main())


def test_a_signal_handler_may_close_the_channel_below_which_a_call_waits():
    run_program("""
        import os, signal, sys, threading
        from slow_channels import ask, open_blocking
        from scaffold.contract._errors.errors import ConnectFailed

        channel = open_blocking()
        before = len(os.listdir("/dev/fd"))
        signal.signal(signal.SIGUSR1, lambda *_: channel.close())
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        try:
            ask(channel, "30 never")
        except ConnectFailed as error:
            assert "closed" in str(error)
        else:
            raise SystemExit("answered")
        assert not channel._connection.turns or channel._connection._released
        assert len(os.listdir("/dev/fd")) < before
    """)


@pytest.mark.parametrize("below", ["30 never", "0.7 below"])
def test_a_signal_handler_may_call_the_plugin_that_the_frame_below_waits_for(below):
    said = run_program(
        """
        import os, signal, sys, threading
        from slow_channels import ask, open_blocking
        from scaffold.contract._errors.errors import DeadlineExceeded

        channel = open_blocking()
        said = []
        on_signal = lambda *_: said.append(ask(channel, "1 above", "medium_timeout"))
        signal.signal(signal.SIGUSR1, on_signal)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        try:
            hook = "short_timeout" if "never" in sys.argv[1] else "medium_timeout"
            said.append(ask(channel, sys.argv[1], hook))
        except DeadlineExceeded:
            said.append("overdue")
        said.append(ask(channel, "0 after"))
        channel.close()
        print(*said)
        """,
        below,
    )
    assert said.split() == ["above", "overdue" if "never" in below else "below", "after"]


def test_a_signal_handler_may_call_while_the_frame_below_polls_for_all():
    """A wait of the long way is a poll, which does not bear another one of the same object."""
    said = run_program("""
        import signal
        from slow_channels import ask, open_blocking
        from scaffold.contract._context.call_context import reporting_to

        channel, answers = open_blocking(), []
        ask(channel, "0 x", "medium_timeout")
        signal.signal(
            signal.SIGALRM, lambda *_: answers.append(ask(channel, "0 handler", "medium_timeout"))
        )

        def listen(_progress, _total, _message):
            # What comes next is waited for: the report was the first thing.
            signal.setitimer(signal.ITIMER_REAL, 0.1)

        with reporting_to(listen):
            print(ask(channel, "report 0.5 below"), *answers)
        channel.close()
    """)
    assert said == "below handler\n"


def test_a_call_that_cannot_be_sent_leaves_no_listener_behind(channel):
    ask(channel, "0 x")
    with pytest.raises(PeerCrashed), reporting_to(lambda *_: None):
        ask(channel, "die")
    pipes = channel._connection
    outgoing = OutgoingMessage("tools/call", b"{}", report=lambda *_: None, token=7)
    with pytest.raises(NotSent):
        pipes.send_and_wait(outgoing, time.monotonic() + 5, 5)
    assert not pipes.reports
    assert not pipes.router.pending


def test_a_process_whose_output_was_not_read_yet_is_not_said_to_have_stopped(channel):
    """A thread that is about to deliver may be kept waiting for long."""
    pipes = channel._connection
    pipes.router.buffer.append(b'{"jsonrpc":"2.0"')
    assert pipes._hang_detector.note_missed_deadline(0.0, more_output=False) == ""
    pipes.take()
    time.sleep(0.01)
    assert (
        pipes._hang_detector.note_missed_deadline(0.0, more_output=False)
        == "it stopped in the middle of a line"
    )
    pipes.router.buffer.append(b"}\n")
    pipes.take()
    assert (
        pipes._hang_detector.note_missed_deadline(0.0, more_output=False)
        != "it stopped in the middle of a line"
    )


def test_a_call_above_a_frame_that_does_not_just_wait_is_refused_at_once(channel):
    # As if a handler ran between two steps of a call: the thread has a turn, and is not asleep.
    channel._connection.turns.append(threading.get_ident())
    started = time.monotonic()
    with pytest.raises(ConnectFailed, match="a signal handler or finaliser has interrupted"):
        ask(channel, "0 x")
    assert quiet_seconds_since(started) < 5
    channel._connection.turns.clear()
    assert ask(channel, "0 x") == "x"


def test_a_thread_that_waits_finds_by_itself_that_nobody_reads(channel):
    with ThreadPoolExecutor(1) as pool:
        # A turn that is taken back without waking the next: its thread was interrupted.
        channel._connection.turns.append(0)
        follower = pool.submit(ask, channel, "0 x", "medium_timeout")
        readers(channel, 2)
        channel._connection.turns.remove(0)
        assert follower.result(8) == "x"


def test_an_overdue_call_does_not_say_that_the_server_has_not_read_its_own_cancellation(channel):
    with pytest.raises(DeadlineExceeded) as caught:
        ask(channel, "30 never", "short_timeout")
    assert "has not read" not in str(caught.value)


def test_an_interrupt_at_any_moment_leaves_a_channel_that_works():
    run_program(
        """
        import random, signal, sys, time
        from slow_channels import LONG_TIMEOUT, open_blocking

        channel = open_blocking()
        call = channel.bind(LONG_TIMEOUT.hooks["medium_timeout"])
        for _ in range(100):
            call({"what": "0 x"})
        started = time.monotonic()
        for _ in range(100):
            call({"what": "0 x"})
        one = (time.monotonic() - started) / 100
        inside = False

        def interrupt(*_):
            global inside
            if inside:
                inside = False
                raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, interrupt)
        end = time.monotonic() + float(sys.argv[1])
        number = 0
        while time.monotonic() < end:
            try:
                inside = True
                signal.setitimer(signal.ITIMER_REAL, random.random() * one * 1.2 + 1e-6)
                call({"what": "0 x"})
                inside = False
            except KeyboardInterrupt:
                number += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
            assert call({"what": "0 check"}) == {"said": "check"}
            pipes = channel._connection
            assert not (pipes.turns or pipes.write_queue.turns or pipes.router.pending), number
        channel.close()
        assert number > 20, number
        """,
        os.environ.get("STORM_SECONDS", "1.5"),
        seconds=120,
    )


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in Python 3.12")
def test_eager_tasks_get_their_own_answers():
    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        channel = open_awaited()
        await channel.connect()
        tasks = [asyncio.create_task(asked(channel, f"0 {number}")) for number in range(50)]
        assert await asyncio.gather(*tasks) == [str(number) for number in range(50)]
        await channel.aclose()

    asyncio.run(main())


def test_a_bound_hook_is_a_coroutine_function_that_a_task_takes():
    async def main():
        channel = open_awaited()
        await channel.connect()
        call = channel.bind(LONG_TIMEOUT.hooks["long_timeout"])
        assert await asyncio.create_task(call({"what": "0 x"})) == {"said": "x"}
        await channel.aclose()

    asyncio.run(main())


def test_a_restart_that_is_cut_off_by_aclose_is_a_closed_error_for_who_waits(tmp_path):
    async def main():
        channel = open_awaited(env={"SLOW_AFTER": str(tmp_path / "mark")})
        await channel.connect()
        with pytest.raises(Exception, match="exit status 9"):
            await asked(channel, "die")
        waiting = asyncio.create_task(asked(channel, "0 x"))
        await asyncio.sleep(0.2)
        await channel.aclose()
        with pytest.raises(ConnectFailed, match="the channel is closed"):
            await waiting

    asyncio.run(main())


def test_a_task_that_ends_the_loop_takes_no_answers_of_others_with_it():
    # In a process of its own: `SystemExit` out of a callback leaves Python 3.11 odd.
    said = run_program("""
        import asyncio
        from slow_channels import asked, open_awaited

        loop = asyncio.new_event_loop()
        channel = open_awaited()
        loop.run_until_complete(channel.connect())

        async def leave():
            await asked(channel, "0 x")
            raise SystemExit

        leaving = loop.create_task(leave())
        others = [loop.create_task(asked(channel, f"0 {n}", "medium_timeout")) for n in range(20)]
        try:
            loop.run_until_complete(asyncio.wait([leaving, *others]))
        except SystemExit:
            print("left")
        print(*loop.run_until_complete(asyncio.gather(*others)))
        loop.run_until_complete(channel.aclose())
        loop.close()
    """)
    assert said.split() == ["left", *(str(number) for number in range(20))]


def test_a_channel_closes_below_a_handler_as_well_as_anywhere(channel):
    done = threading.Event()
    signal.signal(signal.SIGUSR2, lambda *_: (channel.close(), done.set()))
    try:
        os.kill(os.getpid(), signal.SIGUSR2)
        wait_until(done.is_set)
    finally:
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)
