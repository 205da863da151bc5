"""Calls with a timeout run in threads that are kept, and a late one delays no other."""

import threading
import time

import pytest

from scaffold.contract import Dispatch, Hook, Kind, Plugin
from scaffold.contract._errors.errors import ConnectFailed, DeadlineExceeded
from scaffold.host import InProcessChannel
from scaffold.host._concurrency.thread_pool import ThreadPool
from scaffold.host._concurrency.time_limit import TimeLimitExceeded
from scaffold.kinds.tool_v1 import ExecuteInput

WAIT = Hook[ExecuteInput, ExecuteInput](
    "wait", Dispatch.SINGLETON, input=ExecuteInput, output=ExecuteInput, timeout=0.3
)
WAITING = Kind("waiting", "1.0.0", (WAIT,), digest="", contract={})
NOW = ExecuteInput(function="now", args={})
NEVER = ExecuteInput(function="never", args={})


class Waiting(Plugin):
    kind = WAITING

    def __init__(self):
        self.threads = set()
        self.enough = threading.Event()

    def wait(self, payload):
        self.threads.add(threading.get_ident())
        if payload.function == "never":
            self.enough.wait(20)
        return payload


@pytest.fixture
def plugin():
    plugin = Waiting()
    yield plugin
    plugin.enough.set()


@pytest.fixture
def channel(plugin):
    channel = InProcessChannel(plugin, name="waiting")
    yield channel
    channel.close(landing=0)


def threads_named(name):
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_calls_one_after_the_other_share_a_thread(channel, plugin):
    wait = channel.bind(WAIT)
    for _ in range(100):
        assert wait(NOW) is NOW
    assert len(plugin.threads) == 1
    assert threading.get_ident() not in plugin.threads


def test_a_call_that_hangs_costs_its_caller_the_timeout_and_others_nothing(channel, plugin):
    wait = channel.bind(WAIT)
    for _ in range(3):
        with pytest.raises(DeadlineExceeded, match=r"no answer within 0\.3 s"):
            wait(NEVER)
        assert wait(NOW) is NOW


def test_no_thread_is_left_after_the_close(plugin):
    channel = InProcessChannel(plugin, name="closing")
    channel.bind(WAIT)(NOW)
    assert threads_named("plugin-closing")
    channel.close()
    deadline = time.monotonic() + 20
    while threads_named("plugin-closing") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not threads_named("plugin-closing")
    with pytest.raises(ConnectFailed):
        channel.bind(WAIT)(NOW)


def test_work_that_has_not_begun_in_time_never_begins():
    pool, release, begun = ThreadPool("small", most=1), threading.Event(), []
    with pytest.raises(TimeLimitExceeded):
        pool.run_in_time(0.05, lambda: release.wait(20))
    with pytest.raises(TimeLimitExceeded):
        pool.run_in_time(0.05, lambda: begun.append("late"))
    release.set()
    assert pool.run_in_time(20, lambda: "done") == "done"
    assert begun == []
    pool.close()


def test_an_idle_thread_keeps_nothing_of_the_plugin_alive(plugin):
    import gc
    import weakref

    pool = ThreadPool("idle")
    plugin = Waiting()
    seen = weakref.ref(plugin)
    assert pool.run_in_time(20, lambda held=plugin: held.wait(NOW)) is NOW
    del plugin
    deadline = time.monotonic() + 20
    while seen() is not None and time.monotonic() < deadline:
        gc.collect()
    assert seen() is None
    pool.close()
