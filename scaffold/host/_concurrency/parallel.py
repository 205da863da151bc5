"""Work for several plugins at once: what a host starts, or asks how it is."""

import contextvars
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from scaffold.contract._errors.masking import ANY_EXCEPTION, as_exception
from scaffold.host._concurrency.finish_cancelled import cancel_all
from scaffold.host._concurrency.thread_pool import ThreadPool
from scaffold.host._concurrency.time_limit import AbandonedWork, ThreadUnavailable

if TYPE_CHECKING:
    pass

MAX_PARALLEL: Final = 16
"""Plugins that are started, or checked, at once."""

T = TypeVar("T")

_Timed: TypeAlias = tuple[T, float]
"""A plugin, and the seconds that its work took."""


def run_in_parallel(
    work: Callable[[T], None], plugins: Sequence[T], abandoned_work: AbandonedWork
) -> Generator[_Timed[T]]:
    """Do work for all plugins, in threads if there are several; yield each in its order.

    If the iterator is closed early, what has not begun is dropped, and what has is left over.
    """

    def timed(plugin: T) -> _Timed[T]:
        start = time.monotonic()
        work(plugin)
        return plugin, time.monotonic() - start

    if len(plugins) == 1:
        yield timed(plugins[0])
        return
    threads = ThreadPool("plugin-start", MAX_PARALLEL)
    outcomes: list[Future[_Timed[T]]] = []
    try:
        outcomes += [_begun(threads, partial(timed, plugin)) for plugin in plugins]
        for outcome in outcomes:
            yield outcome.result()
    finally:
        threads.close()
        for outcome in outcomes:
            if not outcome.done():
                abandoned_work.add(partial(_goes_on, outcome))


def _goes_on(outcome: "Future[Any]") -> bool:
    return not outcome.done()


def _begun(threads: ThreadPool, work: Callable[[], T]) -> "Future[T]":
    outcome: Future[T] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome.set_result(context.run(work))
        except ANY_EXCEPTION as error:
            outcome.set_exception(as_exception(error))

    try:
        threads.do(run, outcome.cancel)
    except ThreadUnavailable:
        run()
    return outcome


async def async_run_in_parallel(
    work: Callable[[T], Awaitable[None]], plugins: Sequence[T]
) -> AsyncGenerator[_Timed[T]]:
    """Do work for all plugins, several at once; yield each with its seconds.

    If the iterator is closed early, or its task is cancelled, the work is cancelled and awaited.
    """
    import asyncio

    free = asyncio.Semaphore(MAX_PARALLEL)

    async def timed(plugin: T) -> _Timed[T]:
        async with free:
            start = time.monotonic()
            await work(plugin)
            return plugin, time.monotonic() - start

    tasks: list[asyncio.Task[_Timed[T]]] = [
        asyncio.create_task(timed(plugin)) for plugin in plugins
    ]
    try:
        for task in tasks:
            yield await task
    finally:
        await cancel_all([task for task in tasks if not task.done()])
