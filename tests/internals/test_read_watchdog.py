"""Threads block in a read for their answers, and are called back in good time all the same.

Looks inside: The watchdog acts after seconds; the tests shorten its private interval.
"""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from busy import quiet_seconds_since
from stdio_channels import FAULTY_KIND, FAULTY_SERVER

from scaffold.client._process.process import Process
from scaffold.client._stdio.channel import StdioChannel
from scaffold.client._stdio.connection.shared_reading import WATCHDOG
from scaffold.contract._errors.errors import ConnectFailed, DeadlineExceeded, PeerCrashed

LONG_TIMEOUT, MEDIUM_TIMEOUT, SHORT_TIMEOUT = (
    FAULTY_KIND.hooks[name] for name in ("long_timeout", "medium_timeout", "short_timeout")
)


@pytest.fixture
def open_channel():
    opened = []

    def open_channel():
        opened.append(
            StdioChannel([sys.executable, *FAULTY_SERVER], kind=FAULTY_KIND, plugin="faulty")
        )
        return opened[-1]

    yield open_channel
    for channel in opened:
        channel.close()


@pytest.fixture
def channel(open_channel):
    return open_channel()


@pytest.fixture(params=["it can be called back", "it cannot"])
def any_channel(request, open_channel, monkeypatch):
    if request.param == "it cannot":
        # As where the system has no `/proc`.
        monkeypatch.setattr(Process, "_write_to_stdout", lambda _self, _data: False)
    return open_channel()


def watchers():
    return [thread for thread in threading.enumerate() if thread.name == "watch"]


def test_an_answer_that_takes_long_comes_all_the_same(any_channel):
    call = any_channel.bind(LONG_TIMEOUT)
    assert call({"what": "sleep"}) == {"said": "ok"}
    assert call({"what": "a rest in the middle of a line"}) == {"said": "ok"}
    assert call({"what": "ok"}) == {"said": "ok"}


def test_a_deadline_is_kept_and_the_next_call_works(any_channel):
    deadline_is_kept(any_channel, MEDIUM_TIMEOUT, "nap of 1 s")


def test_a_deadline_too_short_to_be_called_back_for_is_kept_as_well(channel):
    deadline_is_kept(channel, SHORT_TIMEOUT, "nap")


def deadline_is_kept(channel, hook, what):
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=f"within {hook.timeout:g} s"):
        channel.bind(hook)({"what": what})
    assert time.monotonic() - started >= hook.timeout
    assert quiet_seconds_since(started) < hook.timeout + 1
    assert channel.bind(LONG_TIMEOUT)({"what": "ok"}) == {"said": "ok"}


def test_an_end_that_cannot_be_seen_in_the_pipe_is_noticed(any_channel):
    with pytest.raises(PeerCrashed, match="exit status 4"):
        any_channel.bind(LONG_TIMEOUT)({"what": "leaves a grandchild"})


def test_a_thread_that_blocks_hears_of_the_end_of_the_channel(any_channel):
    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(any_channel.bind(LONG_TIMEOUT), {"what": "silence"})
        while any_channel._connection.router.last_id < 4:
            time.sleep(0.01)
        any_channel.close()
        with pytest.raises(ConnectFailed, match="the channel is closed"):
            blocked.result(5)


def test_there_is_a_watch_as_long_as_there_are_channels_that_call(open_channel):
    one, two = open_channel(), open_channel()
    one.bind(LONG_TIMEOUT)({"what": "ok"})
    assert len(watchers()) == 1
    two.bind(LONG_TIMEOUT)({"what": "ok"})
    one.close()
    assert len(watchers()) == 1
    two.close()
    for thread in watchers():
        thread.join(5)
    assert watchers() == []
    assert WATCHDOG.is_idle


def test_a_quiet_watch_ends_and_the_next_call_brings_it_back(channel, monkeypatch):
    monkeypatch.setattr("scaffold.client._stdio.connection.shared_reading._MAX_IDLE_CHECKS", 0)
    call = channel.bind(MEDIUM_TIMEOUT)
    call({"what": "ok"})
    for thread in watchers():
        thread.join(5)
    assert watchers() == []
    with pytest.raises(DeadlineExceeded):
        call({"what": "nap of 1 s"})


def test_a_fork_of_the_host_has_a_watch_of_its_own(channel):
    call = channel.bind(LONG_TIMEOUT)
    call({"what": "ok"})
    child = os.fork()
    if not child:
        own = WATCHDOG.is_idle and not watchers()
        os._exit(0 if own else 1)
    _pid, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert call({"what": "ok"}) == {"said": "ok"}
