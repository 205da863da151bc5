"""What a task awaits that waits for an answer: resumed where the answer is read.

An `asyncio.Future` wakes its task in the next turn of the loop, and a turn costs as much as the
rest of the client's part of a call. The task is therefore resumed in the callback that has read the
answer, where no other task can be running. Everything else wakes it as a future does.
"""

import asyncio
import weakref
from collections.abc import Callable, Generator
from contextvars import Context
from functools import partial
from typing import Any, NoReturn, cast

from scaffold._mcp.progress import Progress
from scaffold.client._stdio.connection.response_router import Response
from scaffold.contract._context.progress import ProgressListener

__all__ = ["LoopReader", "ResponseFuture"]


class LoopReader:
    """The callback of an event loop that reads, and those who wait for what it reads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.of_loop = weakref.ref(loop)
        self.is_delivering = False
        """True while it delivers what it has read, and no task is running."""

    def is_nested(self) -> bool:
        """Tell whether a task may run the loop from within, as `nest_asyncio` lets it."""
        return getattr(self.loop, "_nest_patched", False) is True


class ResponseFuture:
    """An answer to come, for one task, which yields it at once.

    It is a future for `asyncio`, as far as tasks use one: see `asyncio.isfuture`. Called with an
    answer, it takes it; of several the first counts.
    """

    __slots__ = (
        "_asyncio_future_blocking",
        "_context",
        "_done",
        "_reader",
        "_report",
        "_wake",
        "answer",
        "deadline",
        "get_loop",
        "id",
        "result",
    )

    def __init__(
        self, reader: LoopReader, id: int, deadline: float, report: ProgressListener | None
    ) -> None:
        self._reader = reader
        self.id = id
        self.deadline = deadline
        self._report = report
        self.answer: Response = None
        """`None` if the wait was given up."""
        self._done = False
        self._wake: Callable[[Any], object] | None = None
        self._context: Context | None = None
        self._asyncio_future_blocking = True
        # A task asks for its loop, and for a result that it has no use for unless that raises. A
        # weak reference answers both, and no function of ours is called.
        self.get_loop: Callable[[], object] = reader.of_loop
        self.result: Callable[[], object] = reader.of_loop

    def __await__(self) -> Generator["ResponseFuture", None, None]:
        return _each_of(() if self._done else (self,))

    def __call__(self, answer: Response) -> None:
        """Take what has come."""
        if isinstance(answer, Progress):
            # In a turn of its own: what a listener raises is not for the reader to hear.
            self._reader.loop.call_soon(answer.report_to, self._report)
            return
        reader = self._reader
        if reader.is_delivering:
            reader.is_delivering = False
            self.resume(answer)
            reader.is_delivering = True
        elif not self._done:
            self._done = True
            self.answer = answer
            if self._wake is not None:
                reader.loop.call_soon(self._wake, self, context=self._context)

    def resume(self, answer: Response) -> None:
        """Take what has come, and let the task go on at once: no other may be running."""
        if self._done:
            return  # it is being woken already, to hear that it was cancelled
        self._done = True
        self.answer = answer
        wake, context = self._wake, self._context
        if wake is not None and context is not None:
            context.run(wake, self)

    def add_done_callback(self, wake: Callable[[Any], object], *, context: Context) -> None:
        """Note how the waiting task is woken."""
        self._wake, self._context = wake, context

    def cancel(self, msg: object = None) -> bool:
        """Wake the task to be cancelled, unless its answer is there."""
        if self._done:
            return False
        self._done = True
        self.result = partial(_raise_cancelled, msg)
        if self._wake is not None:
            self._reader.loop.call_soon(self._wake, self, context=self._context)
        return True


# A generator would be felt by every call.
_each_of: Callable[[tuple[ResponseFuture, ...]], Generator[ResponseFuture, None, None]] = cast(
    "Any", iter
)


def _raise_cancelled(message: object) -> NoReturn:
    # anyio knows its own cancellations by the message.
    raise asyncio.CancelledError(*(() if message is None else (message,)))
