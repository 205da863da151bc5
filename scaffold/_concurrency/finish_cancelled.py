"""What a cancelled task still has to do: end what it has begun, and await it."""

from collections.abc import Collection, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


async def run_to_completion(work: Coroutine[Any, Any, T]) -> T:
    """Await work to its end, even if this task is cancelled meanwhile.

    The cancellation is raised after the work. The work must set time limits of its own.
    """
    import asyncio

    task = asyncio.create_task(work)
    cancelled = await _end_of({task})
    if cancelled is not None and not task.cancelled():
        task.exception()  # it is noted; the cancellation is what counts
        raise cancelled
    return task.result()


async def cancel_all(tasks: "Collection[asyncio.Task[Any]]") -> None:
    """Cancel tasks and wait until they have ended; what they raise is dropped."""
    for task in tasks:
        task.cancel()
    cancelled = await _end_of(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()
    if cancelled is not None:
        raise cancelled


async def _end_of(tasks: "Collection[asyncio.Task[Any]]") -> "asyncio.CancelledError | None":
    """Wait until tasks have ended; return the cancellation of this task that came meanwhile."""
    import asyncio

    cancelled: asyncio.CancelledError | None = None
    while left := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled
