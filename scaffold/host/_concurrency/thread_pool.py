"""A pool of daemon threads, for one plugin or one purpose: none takes a thread from another.

A host starts and checks several plugins at once in such a pool; an event loop does it in tasks.
"""

import contextvars
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, TypeVar

from scaffold._concurrency.finish_cancelled import cancel_all
from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold._concurrency.signal_safety import ResultTimeout, SignalSafeFuture
from scaffold.contract._errors.masking import ANY_EXCEPTION, as_exception
from scaffold.host._concurrency.time_limit import (
    AbandonedWork,
    ThreadUnavailable,
    TimeLimitExceeded,
    WorkRefused,
    settle_by,
)

if TYPE_CHECKING:
    import asyncio


T = TypeVar("T")

_Work: TypeAlias = tuple[Callable[[], object], Callable[[], object]]
"""What to do, and what to do in its place if it is dropped."""

MOST: Final = 64
"""Calls of one plugin that threads work on at once; more wait for one of them."""


def _nothing() -> None:
    """Do nothing about work that is dropped."""


class ThreadPool:
    """A few threads that run functions, started when they are first needed.

    Any thread may use it, a signal handler included. A fork starts threads of its own; what waits
    in its parent is the parent's.
    """

    def __init__(self, name: str, most: int = MOST) -> None:
        self._name = name
        self._most = most
        self._closed = False
        self._workers = 0
        self._reset()
        reset_after_fork(self._reset)

    def do(self, work: Callable[[], object], dropped: Callable[[], object] = _nothing) -> None:
        """Have work done by a thread that is idle, or by a new one, or later.

        Args:
            work: What to do. It raises nothing.
            dropped: Called in place of the work if the pool is closed before the work begins.

        Raises `WorkRefused`; `ThreadUnavailable` if there is no thread and none can be started.
        """
        task = [(work, dropped)]
        with self._lock:
            if self._closed:
                raise WorkRefused
            self._due.put(task)
            if self._workers < self._most:
                try:
                    self._idle.pop()  # counts on a thread that is idle
                except IndexError:
                    self._start(task)

    def close(self) -> None:
        """Drop what has not begun, and end the threads as soon as they are idle.

        May be repeated.
        """
        with self._lock:
            self._closed = True
            due = self._due
        with suppress(Empty):
            while True:
                for _, dropped in _taken(due.get_nowait()):
                    dropped()
        due.put(None)

    def begin(self, work: Callable[[], T]) -> SignalSafeFuture[T]:
        """Have the work done in the context of this call; any thread may wait for its outcome.

        Without a thread, this one does it. The outcome is `WorkRefused` if the work is dropped.
        """
        outcome = SignalSafeFuture[T]()
        run = partial(settle_by, outcome, partial(contextvars.copy_context().run, work))
        try:
            self.do(run, partial(outcome.settle, _refuse))
        except ThreadUnavailable:
            run()
        return outcome

    def run_in_time(self, seconds: float, work: Callable[[], T]) -> T:
        """Have the work done in the context of this call, and wait for its result.

        Work that is late goes on, because nothing can stop a Python thread; work that has not begun
        in time never begins.

        Raises `TimeLimitExceeded`; `WorkRefused` or `ThreadUnavailable` as `do` does.
        """
        outcome = SignalSafeFuture[T]()
        in_context = partial(contextvars.copy_context().run, work)

        def run() -> None:
            if not outcome.settled:
                settle_by(outcome, in_context)

        self.do(run, partial(outcome.settle, _refuse))
        try:
            result = outcome.wait(seconds)
        except ResultTimeout:
            if outcome.settle(_refuse):
                raise TimeLimitExceeded(seconds) from None
            result = outcome.wait()  # it has ended at this moment
        except BaseException:
            outcome.settle(_refuse)
            raise
        return result()

    def result_of(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Have the work done in the context of this call; the running loop awaits its result.

        Work whose result has been given up is not begun. Raises as `do` does; the future raises
        `WorkRefused` if the work is dropped.
        """
        import asyncio

        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()

        def settle(how: Callable[[], None]) -> None:
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(lambda: None if future.done() else how())

        def run() -> None:
            if future.done():
                return
            try:
                settle(partial(future.set_result, context.run(work)))
            except StopIteration as error:
                # No future takes it; in a generator it would mean another thing (PEP 479).
                settle(partial(future.set_exception, RuntimeError(f"StopIteration: {error}")))
            except ANY_EXCEPTION as error:
                settle(partial(future.set_exception, as_exception(error)))

        self.do(run, lambda: settle(partial(future.set_exception, WorkRefused())))
        return future

    def _start(self, task: "list[_Work]") -> None:
        self._workers += 1
        try:
            threading.Thread(target=self._serve, name=self._name, daemon=True).start()
        except BaseException as error:
            self._workers -= 1
            if not isinstance(error, RuntimeError):
                raise
            # The threads that there are will do it, if there are any.
            if not self._workers and _taken(task):
                raise ThreadUnavailable(self._name, error) from None

    def _serve(self) -> None:
        due, idle = self._due, self._idle
        while (task := due.get()) is not None:
            _work_off(task)
            idle.append(None)
        # For the next thread. They are not counted: an interrupt hides whether one was started.
        due.put(None)

    def _reset(self) -> None:
        self._lock = reentrant_lock(Rank.THREADS)
        self._due: SimpleQueue[list[_Work] | None] = SimpleQueue()
        self._idle: deque[None] = deque()
        self._workers = 0


def _refuse() -> NoReturn:
    raise WorkRefused


def _work_off(task: "list[_Work]") -> None:
    """Do the work. An idle thread keeps no reference to it, nor to the plugin behind it."""
    for work, _ in _taken(task):
        work()


def _taken(task: "list[_Work] | None") -> "list[_Work]":
    """Take the work out of its place, so that it is done or dropped once."""
    try:
        return [] if task is None else [task.pop()]
    except IndexError:
        return []


MAX_PARALLEL: Final = 16
"""Plugins that are started, or checked, at once."""


def run_in_parallel(
    work: Callable[[T], None],
    plugins: Sequence[T],
    done: Callable[[T, float], object],
    abandoned_work: AbandonedWork,
) -> None:
    """Do work for all plugins, in threads if there are several.

    If this is interrupted or `done` raises, what has not begun is dropped, and what has is left
    over.

    Args:
        work: What to do for one plugin. It raises nothing.
        plugins: All plugins.
        done: Called with each plugin, in their order, and the seconds that its work took.
        abandoned_work: Where threads that are left over are noted.
    """

    def timed(plugin: T) -> float:
        start = time.monotonic()
        work(plugin)
        return time.monotonic() - start

    if len(plugins) == 1:
        done(plugins[0], timed(plugins[0]))
        return
    threads = ThreadPool("plugin-start", MAX_PARALLEL)
    outcomes: list[SignalSafeFuture[float]] = []
    try:
        outcomes += [threads.begin(partial(timed, plugin)) for plugin in plugins]
        for plugin, outcome in zip(plugins, outcomes, strict=True):
            done(plugin, outcome.result())
    finally:
        threads.close()
        for outcome in outcomes:
            if not outcome.settled:
                abandoned_work.add(partial(_goes_on, outcome))


def _goes_on(outcome: SignalSafeFuture[Any]) -> bool:
    return not outcome.settled


async def async_run_in_parallel(
    work: Callable[[T], Awaitable[None]], plugins: Sequence[T], done: Callable[[T, float], object]
) -> None:
    """Do work for all plugins in tasks, as `run_in_parallel` does.

    If this is cancelled or `done` raises, the work is cancelled and awaited.
    """
    import asyncio

    free = asyncio.Semaphore(MAX_PARALLEL)

    async def timed(plugin: T) -> float:
        async with free:
            start = time.monotonic()
            await work(plugin)
            return time.monotonic() - start

    tasks = [asyncio.create_task(timed(plugin)) for plugin in plugins]
    try:
        for plugin, task in zip(plugins, tasks, strict=True):
            done(plugin, await task)
    finally:
        await cancel_all([task for task in tasks if not task.done()])
