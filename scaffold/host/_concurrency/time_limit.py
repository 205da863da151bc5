"""Work in threads of its own, with a time limit; and what can become of it.

All threads of a host are daemons: a plugin that never comes back from a call does not keep the
process alive. Those of a `ThreadPoolExecutor`, and so of `asyncio.to_thread`, are joined when the
interpreter ends.
"""

import contextvars
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from scaffold.contract._errors.errors import ConnectFailed, ScaffoldError
from scaffold.contract._errors.masking import ANY_EXCEPTION, as_exception
from scaffold.host._concurrency.waiting import async_wait_until, wait_until

T = TypeVar("T")


class TimeLimitExceeded(Exception):
    """Work of a plugin did not end within the time allowed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it did not end within {seconds:g} s")


class WorkRefused(Exception):
    """Work was given to a loop or to threads that have been closed."""


class ThreadUnavailable(Exception):
    """The interpreter could not start a thread: it is ending, or the system has no more."""

    def __init__(self, name: str, error: RuntimeError) -> None:
        super().__init__(f"the thread '{name}' cannot be started: {error}")


def transport_failure(error: BaseException) -> ScaffoldError | None:
    """Return the error of a call that could not reach the plugin; `None` for another failure."""
    if isinstance(error, WorkRefused):
        return ConnectFailed("the channel is closed")
    return ConnectFailed(str(error)) if isinstance(error, ThreadUnavailable) else None


class AbandonedWork:
    """Work of threads whose result was given up; closing a host waits a while for its end."""

    def __init__(self) -> None:
        self._alive: list[Callable[[], bool]] = []

    def add(self, is_alive: Callable[[], bool]) -> None:
        """Remember work by a function that tells whether it goes on."""
        self._alive = [one for one in self._alive if one()]
        self._alive.append(is_alive)

    def wait(self, seconds: float) -> None:
        """Wait until all of it has ended, but not longer than this."""
        wait_until(self._ended, seconds)

    async def wait_async(self, seconds: float) -> None:
        """Wait as `wait` does, and let the event loop run meanwhile."""
        await async_wait_until(self._ended, seconds)

    def _ended(self) -> bool:
        return not any(is_alive() for is_alive in tuple(self._alive))


def run_in_time(
    seconds: float,
    work: Callable[[], T],
    *,
    undo: Callable[[], object] | None = None,
    abandoned_work: AbandonedWork | None = None,
) -> T:
    """Do the work in a thread and return its result, or raise `TimeLimitExceeded`.

    Nothing can stop a Python thread: one that is late goes on, and ends with the process at the
    latest.

    Args:
        seconds: How long the result is waited for.
        work: What to do, in the context of this call.
        undo: Work of a plugin's lifecycle has one. It is called in the same thread if the work
            succeeds after its result was given up. Such work is done in the calling thread if no
            other thread can be started, as at the end of the interpreter.
        abandoned_work: Where the thread is noted if its result is not awaited any more.

    Raises `ThreadUnavailable` for work without `undo` if no thread can be started.
    """
    outcome: Future[T] = Future()
    run = partial(_settle, outcome, work, undo, contextvars.copy_context())
    thread = _thread(run)
    try:
        try:
            _start(thread)
        except ThreadUnavailable:
            if undo is None:
                raise
            run()
            return outcome.result()
        return outcome.result(seconds)
    except TimeoutError:
        if outcome.done():  # the work's own error, or it has ended at this moment
            return outcome.result()
        _give_up(outcome, thread, undo, abandoned_work)
        raise TimeLimitExceeded(seconds) from None
    except BaseException:
        _give_up(outcome, thread, undo, abandoned_work)
        raise


async def async_run_in_time(
    work: Callable[[], T],
    *,
    undo: Callable[[], object] | None = None,
    abandoned_work: AbandonedWork | None = None,
) -> T:
    """Do the work in a thread of its own, and await its result; see `run_in_time` for the rest.

    A cancellation gives the result up. The caller sets the time limit with `asyncio.timeout`.
    """
    import asyncio

    outcome: Future[T] = Future()
    run = partial(_settle, outcome, work, undo, contextvars.copy_context())
    thread = _thread(run)
    try:
        try:
            _start(thread)
        except ThreadUnavailable:
            if undo is None:
                raise
            run()
            return outcome.result()
        return await asyncio.shield(asyncio.wrap_future(outcome))
    except BaseException:
        _give_up(outcome, thread, undo, abandoned_work)
        raise


def _thread(run: Callable[[], None]) -> threading.Thread:
    """Return a thread for work of a plugin, which has not been started."""
    return threading.Thread(target=run, name="plugin-lifecycle", daemon=True)


def _start(thread: threading.Thread) -> None:
    """Start a thread; raise `ThreadUnavailable`. It may run although this was interrupted."""
    try:
        thread.start()
    except RuntimeError as error:
        raise ThreadUnavailable(thread.name, error) from None


def _settle(
    outcome: Future[T],
    work: Callable[[], T],
    undo: Callable[[], object] | None,
    context: contextvars.Context,
) -> None:
    """Do the work; undo it if its result is not wanted any more."""
    try:
        result = context.run(work)
    except ANY_EXCEPTION as error:
        with suppress(InvalidStateError):
            outcome.set_exception(as_exception(error))
        return
    try:
        outcome.set_result(result)
    except InvalidStateError:
        if undo is not None:
            _undo(partial(context.run, undo))


def _give_up(
    outcome: "Future[Any]",
    thread: threading.Thread,
    undo: Callable[[], object] | None,
    abandoned_work: AbandonedWork | None,
) -> None:
    """Do not wait for a result any more; work that has succeeded all the same is undone."""
    if outcome.cancel():
        if abandoned_work is not None:
            abandoned_work.add(partial(_goes_on, thread))
    elif undo is not None and outcome.exception() is None:
        _undo(undo)


def _goes_on(thread: threading.Thread) -> bool:
    return thread.is_alive() and thread is not threading.current_thread()


def _undo(undo: Callable[[], object]) -> None:
    try:
        undo()
    except ANY_EXCEPTION:
        logging.getLogger("scaffold").exception("what came too late could not be undone")
