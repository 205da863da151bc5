"""Work in threads of its own, with a time limit; and what can become of it.

All threads of a host are daemons: a plugin that never comes back from a call does not keep the
process alive. Those of a `ThreadPoolExecutor`, and so of `asyncio.to_thread`, are joined when the
interpreter ends.
"""

import contextvars
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from inspect import iscoroutine
from typing import Any, NoReturn, TypeVar

from scaffold._concurrency.signal_safety import ResultTimeout, SignalSafeFuture
from scaffold.contract._errors.errors import ConnectFailed, ScaffoldError
from scaffold.contract._errors.masking import ANY_EXCEPTION, PLUGIN_EXCEPTIONS, as_exception

T = TypeVar("T")


class TimeLimitExceeded(Exception):
    """Work of a plugin did not end within the time allowed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it did not end within {seconds:g} s")


class WorkRefused(Exception):
    """Work was given to a loop or to threads that have been closed, or belong to the parent."""

    def __init__(self, reason: str = "the channel is closed") -> None:
        super().__init__(reason)


class ThreadUnavailable(Exception):
    """The interpreter could not start a thread: it is ending, or the system has no more."""

    def __init__(self, name: str, error: RuntimeError) -> None:
        super().__init__(f"the thread '{name}' cannot be started: {error}")


def transport_failure(error: BaseException) -> ScaffoldError | None:
    """Return the error of a call that could not reach the plugin; `None` for another failure."""
    refused = isinstance(error, WorkRefused | ThreadUnavailable)
    return ConnectFailed(str(error)) if refused else None


class AbandonedWork:
    """Work of threads whose result was given up; closing a host waits a while for its end."""

    def __init__(self) -> None:
        self._alive: list[Callable[[], bool]] = []

    def add(self, is_alive: Callable[[], bool]) -> None:
        """Remember work by a function that tells whether it goes on."""
        self._alive = [one for one in self._alive if one()]
        self._alive.append(is_alive)

    def ended(self) -> bool:
        """Tell whether all of it has ended."""
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
    outcome = SignalSafeFuture[T]()
    run = partial(_do, outcome, work, undo, contextvars.copy_context(), _nothing)
    thread = _thread(run)
    try:
        _start(thread, run, undo)
        result = outcome.wait(seconds)
    except ResultTimeout:
        if _give_up(outcome, thread, abandoned_work):
            raise TimeLimitExceeded(seconds) from None
        result = outcome.wait()  # it has ended at this moment
    except BaseException:
        _undo_unless_given_up(outcome, thread, undo, abandoned_work)
        raise
    return result()


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

    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    outcome = SignalSafeFuture[T]()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(lambda: None if ended.done() else ended.set_result(None))

    run = partial(_do, outcome, work, undo, contextvars.copy_context(), wake)
    thread = _thread(run)
    try:
        _start(thread, run, undo)
        await ended
    except BaseException:
        _undo_unless_given_up(outcome, thread, undo, abandoned_work)
        raise
    return outcome.result()


def _thread(run: Callable[[], None]) -> threading.Thread:
    """Return a thread for work of a plugin, which has not been started."""
    return threading.Thread(target=run, name="plugin-lifecycle", daemon=True)


def _start(
    thread: threading.Thread, run: Callable[[], None], undo: Callable[[], object] | None
) -> None:
    """Start a thread, which may run although this was interrupted.

    If none can be started, work with `undo` is done here; otherwise raises `ThreadUnavailable`.
    """
    try:
        thread.start()
    except RuntimeError as error:
        if undo is None:
            raise ThreadUnavailable(thread.name, error) from None
        run()


def settle_by(outcome: SignalSafeFuture[T], work: Callable[[], T]) -> bool:
    """Do work of a plugin, on a thread that only plugins use, and settle its outcome.

    Returns False if the work has succeeded, but its result was given up before.
    """
    try:
        result = work()
    except ANY_EXCEPTION as error:
        outcome.settle(partial(_fail, as_exception(error)))
        return True
    wanted = outcome.settle(lambda: result)
    if not wanted and iscoroutine(result):
        result.close()  # of an `async` hook that was called too late: it is not awaited
    return wanted


def _do(
    outcome: SignalSafeFuture[T],
    work: Callable[[], T],
    undo: Callable[[], object] | None,
    context: contextvars.Context,
    ended: Callable[[], object],
) -> None:
    """Do the work, then call `ended`; undo the work if its result is not wanted any more."""
    wanted = settle_by(outcome, partial(context.run, work))
    ended()
    if not wanted and undo is not None:
        _undo(partial(context.run, undo))


def _give_up(
    outcome: SignalSafeFuture[Any],
    thread: threading.Thread,
    abandoned_work: AbandonedWork | None,
) -> bool:
    """Do not wait for a result any more; return False if it is there."""
    if not outcome.settle(_given_up):
        return False
    if abandoned_work is not None:
        abandoned_work.add(partial(_goes_on, thread))
    return True


def _undo_unless_given_up(
    outcome: SignalSafeFuture[Any],
    thread: threading.Thread,
    undo: Callable[[], object] | None,
    abandoned_work: AbandonedWork | None,
) -> None:
    """Do not wait for a result any more; undo work that has succeeded all the same."""
    if _give_up(outcome, thread, abandoned_work) or undo is None:
        return
    try:
        outcome.result()
    except PLUGIN_EXCEPTIONS:
        return
    _undo(undo)


def _fail(error: Exception) -> NoReturn:
    raise error


def _given_up() -> NoReturn:
    raise WorkRefused


def _nothing() -> None:
    """Wake no event loop: a thread waits for the outcome."""


def _goes_on(thread: threading.Thread) -> bool:
    return thread.is_alive() and thread is not threading.current_thread()


def _undo(undo: Callable[[], object]) -> None:
    try:
        undo()
    except ANY_EXCEPTION:
        logging.getLogger("scaffold").exception("what came too late could not be undone")
