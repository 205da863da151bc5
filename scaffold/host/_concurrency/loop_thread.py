"""The event loop of an async plugin in a host that blocks: it runs in a thread of its own."""

import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from typing_extensions import override

from scaffold._concurrency.forks import INHERITED_CALL, reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold._concurrency.safe_imports import import_safely
from scaffold._concurrency.signal_safety import ResultTimeout, SignalSafeFuture
from scaffold.contract._errors.masking import ANY_EXCEPTION, as_exception, is_requested
from scaffold.host._concurrency.time_limit import ThreadUnavailable, TimeLimitExceeded, WorkRefused

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

_ENDING: Final = 5.0
"""Seconds for which the end of the loop's tasks is awaited; then the thread is left to itself."""

_inherited: Final[list["asyncio.AbstractEventLoop"]] = []
"""Loops of a parent process. Closing one would change the `epoll` object that both share."""


class LoopThread:
    """An event loop in a thread of its own, which starts when it is first needed.

    Its life has three states: open, ending (only the plugin's teardown may run) and closed. A fork
    makes a loop and a thread of its own.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        # A signal handler may call a hook while the code below it submits another call.
        self._lock = reentrant_lock(Rank.THREADS)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._waiting: set[_Work[Any]] = set()
        self._ending = self._closed = False
        reset_after_fork(self._forget)

    @property
    def is_current(self) -> bool:
        """True in the thread of the loop, which must not wait for itself."""
        return threading.current_thread() is self._thread

    def run(
        self, awaitable: Awaitable[T], seconds: float | None = None, *, last: bool = False
    ) -> T:
        """Await in the loop, from any other thread, for some `seconds`, and return the result.

        `last` is for the plugin's teardown, which may run after `end_calls`. Raises
        `TimeLimitExceeded` if time is up, `WorkRefused` if the loop is closed before or meanwhile,
        `ThreadUnavailable` if its thread cannot be started, and what the loop raises.
        """

        async def wait() -> T:
            try:
                return await awaitable
            except ANY_EXCEPTION as error:
                if is_requested(error):
                    raise
                failure = as_exception(error)
                raise failure from failure.__cause__

        self._check_elsewhere(awaitable)
        work = self._submit(wait(), awaitable, _nothing, last=last)
        try:
            result = work.wait(seconds)
        except ResultTimeout:
            work.cancel()
            raise TimeLimitExceeded(seconds or 0.0) from None
        except BaseException:
            work.cancel()
            raise
        try:
            return result()
        except CancelledError:
            if self._ending:
                raise WorkRefused from None
            raise

    def begin(
        self, work: Coroutine[Any, Any, None], ended: Callable[[], None]
    ) -> "asyncio.AbstractEventLoop":
        """Start a task in the context of this call, do not wait for it, and return its loop.

        `ended` is called once the task has ended or has been cancelled. Raises `WorkRefused` or
        `ThreadUnavailable`.
        """
        self._check_elsewhere(work)
        return self._submit(work, work, ended, last=False).loop

    def soon(self, loop: "asyncio.AbstractEventLoop", work: Callable[[], object]) -> bool:
        """Have a loop that `begin` returned call something; return False if it has ended."""
        if loop is not self._loop:
            return False
        try:
            loop.call_soon_threadsafe(work)
        except RuntimeError:  # it has been closed
            return False
        return True

    def refusal(self, loop: "asyncio.AbstractEventLoop") -> WorkRefused:
        """Return why `soon` does not take anything for a loop."""
        return WorkRefused(INHERITED_CALL) if loop in _inherited else WorkRefused()

    def end_calls(self) -> None:
        """Cancel what is under way, and refuse everything but the plugin's teardown."""
        with self._lock:
            self._ending = True
        for work in tuple(self._waiting):
            work.cancel()

    def close(self) -> None:
        """Cancel what is still under way, and end the thread. May be repeated.

        Returns after a bounded time: a task that does not end is left to itself, but its caller
        gets an error.
        """
        with self._lock:
            self._ending = self._closed = True
            loop, thread = self._loop, self._thread
        if loop is not None and thread is not None:
            with suppress(RuntimeError):  # it has been closed
                loop.call_soon_threadsafe(loop.stop)
            if not self.is_current:
                thread.join(_ENDING)
        self._fail_waiting()

    def _check_elsewhere(self, awaitable: Awaitable[Any]) -> None:
        """Refuse to be waited for in the loop's own thread."""
        if self.is_current:
            _close(awaitable)
            raise RuntimeError(
                "an async plugin called its own sync client, which would wait forever"
            )

    def _submit(
        self,
        coroutine: Coroutine[Any, Any, T],
        awaitable: Awaitable[Any],
        ended: Callable[[], object],
        *,
        last: bool,
    ) -> "_Work[T]":
        try:
            # Under the lock: `close` stops the loop after everything that was submitted.
            with self._lock:
                loop = self._started_loop(last=last)
                work = _Work(loop, coroutine, self._waiting, ended)
                loop.call_soon_threadsafe(work.start)
        except Exception:
            _close(coroutine)
            _close(awaitable)
            raise
        return work

    def _started_loop(self, *, last: bool) -> "asyncio.AbstractEventLoop":
        """Return the loop, started if needed; raise `WorkRefused` or `ThreadUnavailable`."""
        if self._closed or (self._ending and not last):
            raise WorkRefused
        if self._loop is not None and self._thread is not None:
            if self._thread.ident is None:  # a signal handler, within `start` below
                raise ThreadUnavailable(
                    self._thread.name, RuntimeError("a signal interrupts its start")
                )
            return self._loop
        import_safely("asyncio")
        import asyncio

        loop = asyncio.new_event_loop()
        name = f"plugin-{self._name}"
        thread = threading.Thread(target=self._serve, args=(loop,), name=name, daemon=True)
        self._loop, self._thread = loop, thread
        try:
            thread.start()
        except BaseException as error:
            self._loop = self._thread = None
            if thread.ident is None:
                loop.close()
            else:
                loop.call_soon_threadsafe(loop.stop)
            if isinstance(error, RuntimeError):
                raise ThreadUnavailable(name, error) from None
            raise
        return loop

    def _serve(self, loop: "asyncio.AbstractEventLoop") -> None:
        import asyncio

        try:
            # The runner cancels what is left and closes asynchronous generators, in this order.
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.get_loop().run_forever()
        finally:
            with self._lock:
                if self._loop is loop:
                    self._loop = None
            self._fail_waiting()

    def _fail_waiting(self) -> None:
        """Give an error to every caller that is still waiting."""
        for work in tuple(self._waiting):
            work.settle(_closed)

    def _forget(self) -> None:
        """Leave the loop and the thread to the parent process."""
        if self._loop is not None:
            _inherited.append(self._loop)
        self._lock = reentrant_lock(Rank.THREADS)
        self._loop = self._thread = None
        for work in tuple(self._waiting):  # a signal handler may have forked while it was awaited
            work.settle(_inherited_call)
        self._waiting = set()


class _Work(SignalSafeFuture[T]):
    """A coroutine in a loop, whose result any thread may wait for."""

    def __init__(
        self,
        loop: "asyncio.AbstractEventLoop",
        coroutine: Coroutine[Any, Any, T],
        waiting: "set[_Work[Any]]",
        ended: Callable[[], object],
    ) -> None:
        super().__init__()
        self.loop = loop
        self._coroutine = coroutine
        self._task: asyncio.Task[T] | None = None
        self._waiting = waiting
        self._ended = [ended]
        waiting.add(self)

    def start(self) -> None:
        """Start the coroutine; called in the loop."""
        self._task = self.loop.create_task(self._coroutine)
        self._task.add_done_callback(self._finish)
        if self.settled:
            self._task.cancel()

    def cancel(self) -> None:
        """Give the result up, and cancel the coroutine, unless there is a result."""
        if not self.settled:
            self.settle(_cancelled)
            with suppress(RuntimeError):  # the loop has been closed
                self.loop.call_soon_threadsafe(self._cancel)

    @override
    def settle(self, result: Callable[[], T]) -> bool:
        first = super().settle(result)
        self._waiting.discard(self)
        with suppress(IndexError):  # it was settled before
            self._ended.pop()()
        return first

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _finish(self, task: "asyncio.Task[T]") -> None:
        if task.cancelled():
            self.settle(_cancelled)
        else:
            task.exception()  # tells asyncio that an error is not lost
            self.settle(task.result)


def _cancelled() -> NoReturn:
    raise CancelledError


def _closed() -> NoReturn:
    raise WorkRefused


def _inherited_call() -> NoReturn:
    raise WorkRefused(INHERITED_CALL)


def _nothing() -> None:
    """Do nothing at the end of work whose caller waits for it."""


def _close(awaitable: Awaitable[Any]) -> None:
    """Close a coroutine that is not going to be awaited."""
    if iscoroutine(awaitable):
        awaitable.close()
