"""A result that one thread sets, and others wait for."""

import inspect
import threading
from queue import SimpleQueue

import pytest
from observed_plugins import PATIENCE, Gate, in_thread

from scaffold._concurrency.signal_safety import ResultTimeout, SignalSafeFuture
from scaffold.host._concurrency.time_limit import AbandonedWork, TimeLimitExceeded, run_in_time
from scaffold.host._concurrency.waiting import wait_until


class Interrupted(SimpleQueue):
    """A queue whose first reader is interrupted when it has taken its item."""

    def __init__(self):
        self.readers = []
        self.all_wait = threading.Event()

    def get(self, timeout=None):
        self.readers.append(None)
        first = len(self.readers) == 1
        if len(self.readers) == 2:
            self.all_wait.set()
        super().get(timeout=timeout)
        if first:
            raise KeyboardInterrupt


def test_an_interrupted_wait_leaves_the_result_to_the_others():
    future = SignalSafeFuture()
    future._wake = Interrupted()

    def wait():
        try:
            return future.result()
        except KeyboardInterrupt:
            return "interrupted"

    waiting = [in_thread(wait), in_thread(wait)]
    assert future._wake.all_wait.wait(PATIENCE)
    future.settle(lambda: "result")
    assert sorted(one() for one in waiting) == ["interrupted", "result"]


def test_the_first_result_counts_and_the_second_setter_learns_it():
    future = SignalSafeFuture()
    assert future.settle(lambda: 1)
    assert not future.settle(lambda: 2)
    assert future.result() == 1


def test_a_result_that_does_not_come_is_a_timeout():
    with pytest.raises(ResultTimeout):
        SignalSafeFuture().wait(0)


def test_the_coroutine_of_an_async_hook_that_was_called_too_late_is_closed():
    async def hook():
        """Answer."""

    gate, coroutine, leftovers = Gate(), hook(), AbandonedWork()

    def work():
        gate.pass_by()
        return coroutine

    with pytest.raises(TimeLimitExceeded):
        run_in_time(0.01, work, abandoned_work=leftovers)
    gate.open.set()
    assert wait_until(leftovers.ended, PATIENCE)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
