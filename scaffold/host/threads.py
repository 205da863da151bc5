"""The threads of in-process plugins: an event loop for sync hosts, threads for event loops.

All are daemons: a plugin that never comes back from a call does not keep the process alive. Those
of a `ThreadPoolExecutor`, and so of `asyncio.to_thread`, are waited for when the interpreter ends.
"""

import contextvars
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from inspect import iscoroutine
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

from scaffold.contract.failure import FAILURES

if TYPE_CHECKING:
    import asyncio

__all__ = ["Crew", "Late", "LoopThread", "in_thread", "within"]

T = TypeVar("T")

_MOST: Final = 64
"""Calls of event loops that threads work on at once; more wait for one of them."""


class Late(Exception):
    """A plugin did not get ready, or did not let go, within the time allowed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it did not end within {seconds:g} s")


class LoopThread:
    """An event loop in a thread of its own, started when it is first needed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, awaitable: Awaitable[T], seconds: float | None = None) -> T:
        """Await in the loop, from any other thread, and return the result; or raise `Late`."""
        import asyncio

        async def wait() -> T:
            return await awaitable

        loop = self._start_elsewhere(awaitable)
        future = asyncio.run_coroutine_threadsafe(wait(), loop)
        try:
            return future.result(seconds)
        except TimeoutError:
            if seconds is None or future.done():  # the awaitable's own error
                raise
            future.cancel()
            raise Late(seconds) from None
        except BaseException:
            future.cancel()
            raise

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task in the loop, in the context of this call, and do not wait for it."""
        import asyncio

        asyncio.run_coroutine_threadsafe(work, self._start_elsewhere(work))

    def soon(self, work: Callable[[], object]) -> None:
        """Have the loop call something, if it has not been closed."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(work)

    @property
    def is_current(self) -> bool:
        """True in the thread of the loop, which must not wait for itself."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Cancel what is still running, and end the thread. May be repeated."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _start_elsewhere(self, awaitable: Awaitable[Any]) -> "asyncio.AbstractEventLoop":
        """Return the loop; refuse to be waited for in its own thread."""
        loop = self._start()
        if self.is_current:
            if iscoroutine(awaitable):
                awaitable.close()
            raise RuntimeError(
                "an async plugin called its own sync client, which would wait for ever"
            )
        return loop

    def _start(self) -> "asyncio.AbstractEventLoop":
        import asyncio

        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name=f"plugin-{self._name}", daemon=True
                )
                self._thread.start()
            return self._loop


def _serve(loop: "asyncio.AbstractEventLoop") -> None:
    import asyncio

    # The runner cancels what is left and closes asynchronous generators, in the right order.
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()


def within(seconds: float, work: Callable[[], T]) -> T:
    """Do the work in a thread and return its result, or raise `Late`.

    Nothing can stop a Python thread: one that is late is left to itself, and ends with the process.
    """
    outcome: Future[T] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome.set_result(context.run(work))
        except FAILURES as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name="plugin-lifecycle", daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if outcome.done():  # the work's own error
            raise
        raise Late(seconds) from None


class Crew:
    """A few threads that do what is to be done, started when they are first needed."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._lock = threading.Lock()
        self._due: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._workers = 0

    def do(self, work: Callable[[], None]) -> None:
        """Have it done by a thread that has nothing to do, or by a new one, or later.

        The work raises nothing.
        """
        with self._lock:
            self._due.put(work)
            if self._workers < self._most and not self._idle.acquire(blocking=False):
                self._workers += 1
                threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def close(self) -> None:
        """End the threads as soon as they have nothing to do."""
        for _ in range(self._workers):
            self._due.put(None)

    def _work(self) -> None:
        while (work := self._due.get()) is not None:
            work()
            self._idle.release()


_crew = Crew("plugin-call", _MOST)


def in_thread(work: Callable[[], T]) -> "asyncio.Future[T]":
    """Have the work done in a thread, in the context of this call; the loop awaits its result."""
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def run() -> None:
        settle: Callable[[], None]
        try:
            settle = partial(future.set_result, context.run(work))
        except StopIteration as error:
            # No future takes it; in a generator it would mean another thing (PEP 479).
            settle = partial(future.set_exception, RuntimeError(f"StopIteration: {error}"))
        except FAILURES as error:
            settle = partial(future.set_exception, error)
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(lambda: None if future.done() else settle())

    _crew.do(run)
    return future
