"""A process that is forked from one with open channels has connections of its own."""

import asyncio
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from slow_channels import ask, asked, open_awaited, open_blocking, run_program

from scaffold.contract import reporting_to
from scaffold.contract._errors.errors import ConnectFailed, PeerCrashed

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    # Python warns of forks of processes with threads: that is what these tests are about.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture
def channel():
    channel = open_blocking()
    yield channel
    channel.close()


def in_fork(work):
    """Run a function in a fork; return the id of its process."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(60)
        status = 0 if work() else 1
    finally:
        os._exit(status)


def succeeded(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_fork_gets_answers_of_its_own_from_a_process_of_its_own(channel):
    plugin = ask(channel, "pid")

    def work():
        with ThreadPoolExecutor(4) as pool:
            said = list(pool.map(lambda n: ask(channel, f"0 {n}"), range(100)))
        return said == list(map(str, range(100))) and ask(channel, "pid") != plugin

    children = [in_fork(work) for _ in range(2)]
    assert [ask(channel, f"0 {n}") for n in range(100)] == list(map(str, range(100)))
    assert all(map(succeeded, children))
    assert ask(channel, "pid") == plugin


def test_a_fork_in_the_middle_of_calls_of_other_threads_works(channel):
    stop = threading.Event()

    def busy():
        number = 0
        while not stop.is_set():
            assert ask(channel, f"0 {number}") == str(number)
            number += 1
        return number

    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(busy) for _ in range(3)]
        try:
            children = [
                in_fork(lambda: ask(channel, "0 x", "medium_timeout") == "x") for _ in range(6)
            ]
            assert all(map(succeeded, children))
        finally:
            stop.set()
        assert all(call.result() > 0 for call in calls)


def test_the_end_of_a_fork_does_not_end_the_plugin_of_its_parent():
    said = run_program("""
        import os, sys
        from slow_channels import ask, open_blocking

        channel = open_blocking()
        plugin = ask(channel, "pid")
        for leave in (os._exit, sys.exit, lambda _: channel.close() or os._exit(0)):
            child = os.fork()
            if not child:
                leave(0)
            assert os.waitpid(child, 0)[1] == 0
            assert ask(channel, "pid") == plugin
        channel.close()
        print("held")
    """)
    assert said == "held\n"


def test_a_plugin_ends_with_its_host_although_a_fork_lives_on():
    run_program("""
        import os, signal, time
        from busy import quiet_seconds_since
        from slow_channels import ask, open_blocking

        channel = open_blocking()
        plugin = ask(channel, "pid")
        child = os.fork()
        if not child:
            time.sleep(60)
            os._exit(0)
        started = time.monotonic()
        channel.close()
        # By the end of its input: signals come two seconds later.
        assert quiet_seconds_since(started) < 2
        assert not os.path.exists(f"/proc/{plugin}")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    """)


def forking_in_the_middle(call, *, before_return=lambda: True):
    """Return a function that forks once, and what remembers the fork, which goes on with `call`."""
    host, children = os.getpid(), []

    def fork(*_anything):
        if os.getpid() == host and not children:
            children.append(os.fork())
            if not children[0]:
                signal.alarm(60)
                before_return() or os._exit(1)

    def fork_and_call():
        status = 1
        try:
            return call()
        except PeerCrashed as error:
            status = 0 if "was forked from" in str(error) else 1
            raise
        finally:
            if os.getpid() != host:
                os._exit(status)  # 1 if the fork got an answer to the call of its parent

    return fork, fork_and_call, children


def test_a_fork_does_not_repeat_the_call_that_its_parent_has_sent(channel):
    fork, call, children = forking_in_the_middle(lambda: ask(channel, "report 0.3 parent"))
    with reporting_to(fork):
        assert call() == "parent"
    assert succeeded(children[0])


@pytest.mark.parametrize("calls_first", [False, True])
def test_a_fork_that_returns_into_a_call_of_its_parent_is_told_so(channel, calls_first):
    def own_call():
        return not calls_first or ask(channel, "0 own") == "own"

    fork, call, children = forking_in_the_middle(
        lambda: ask(channel, "signal 1 parent"), before_return=own_call
    )
    before = signal.signal(signal.SIGUSR1, fork)
    try:
        assert call() == "parent"
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert succeeded(children[0])
    assert ask(channel, "0 after") == "after"


def test_the_parent_may_end_first():
    said = run_program("""
        import os, time
        from slow_channels import ask, open_blocking

        channel = open_blocking()
        parent = os.getpid()
        read, write = os.pipe()
        if os.fork():
            os._exit(0)
        while os.getppid() == parent:
            time.sleep(0.01)
        print(ask(channel, "0 orphan"))
        channel.close()
    """)
    assert said == "orphan\n"


def test_a_closed_channel_stays_closed_in_a_fork():
    channel = open_blocking()
    channel.close()

    def refused():
        try:
            ask(channel, "0 x")
        except ConnectFailed as error:
            return "the channel is closed" in str(error)
        return False

    assert succeeded(in_fork(refused))


def test_an_awaited_channel_is_connected_again_on_the_loop_of_a_fork():
    async def main():
        channel = open_awaited()
        await channel.connect()
        plugin = await asked(channel, "pid")
        pending = asyncio.create_task(asked(channel, "0.5 parent"))
        await asyncio.sleep(0.1)

        def work():
            async def own():
                said = await asyncio.gather(*(asked(channel, f"0 {n}") for n in range(20)))
                other = await asked(channel, "pid")
                await channel.aclose()
                return said == list(map(str, range(20))) and other != plugin

            with ThreadPoolExecutor(1) as pool:  # the fork still has the running loop's mark
                return pool.submit(asyncio.run, own()).result()

        child = in_fork(work)
        assert await pending == "parent"
        assert await asyncio.to_thread(succeeded, child)
        assert await asked(channel, "pid") == plugin
        await channel.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_make_calls(method):
    program = "import sys, pool_of_calls; pool_of_calls.main(sys.argv[1])"
    assert run_program(program, method) == "40 right\n"


def test_every_fork_of_a_fork_has_its_own(channel):
    def work():
        own = ask(channel, "pid")
        return succeeded(in_fork(lambda: ask(channel, "pid") not in {own, plugin}))

    plugin = ask(channel, "pid")
    assert succeeded(in_fork(work))
