"""A future that resumes its task in the callback that has read the response.

An `asyncio.Future` wakes its task in the next turn of the loop, and a turn costs as much as the
client's rest of a call. So the task is resumed in the reading callback, where no other task can be
running. In all other cases it is woken as by a future. One timer serves all deadlines of a
connection: a timer for each call would cost as much as a turn.
"""

import asyncio
import math
import time
import weakref
from collections.abc import Callable, Generator
from contextvars import Context
from functools import partial
from typing import Any, NoReturn, cast

from scaffold._mcp.notifications import Progress
from scaffold.client._stdio.connection.response_router import Response
from scaffold.client._stdio.connection.transport import LIVENESS_INTERVAL
from scaffold.contract._context.call_context import ProgressListener


class LoopReader:
    """The reading callback of an event loop, and its state."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.of_loop = weakref.ref(loop)
        self.is_delivering = False
        """True while responses are delivered and no task is running."""

    def is_nested(self) -> bool:
        """Return whether a task may run the loop inside itself, as `nest_asyncio` allows."""
        return getattr(self.loop, "_nest_patched", False) is True


class ResponseFuture:
    """A response for one task, which awaits it at once.

    asyncio treats it as a future: see `asyncio.isfuture`. It is called with the response; only the
    first call counts.
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
        """`None` after a timeout."""
        self._done = False
        self._wake: Callable[[Any], object] | None = None
        self._context: Context | None = None
        self._asyncio_future_blocking = True
        # A task asks for its loop and for the result, and uses the result only if it raises. A weak
        # reference is callable, so it serves as both without a Python function.
        self.get_loop: Callable[[], object] = reader.of_loop
        self.result: Callable[[], object] = reader.of_loop

    def __await__(self) -> Generator["ResponseFuture", None, None]:
        return _each_of(() if self._done else (self,))

    def __call__(self, answer: Response) -> None:
        """Take a response or a progress notification."""
        if isinstance(answer, Progress):
            # In a turn of its own, because the listener may raise.
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
        """Take the response and resume the task at once. No other task may be running."""
        if self._done:
            return  # the task is being woken with its cancellation
        self._done = True
        self.answer = answer
        wake, context = self._wake, self._context
        if wake is not None and context is not None:
            context.run(wake, self)

    def add_done_callback(self, wake: Callable[[Any], object], *, context: Context) -> None:
        """Store the callback that wakes the waiting task."""
        self._wake, self._context = wake, context

    def cancel(self, msg: object = None) -> bool:
        """Wake the task with its cancellation, unless the response is there."""
        if self._done:
            return False
        self._done = True
        self.result = partial(_raise_cancelled, msg)
        if self._wake is not None:
            self._reader.loop.call_soon(self._wake, self, context=self._context)
        return True


# A tuple iterator is faster than a generator.
_each_of: Callable[[tuple[ResponseFuture, ...]], Generator[ResponseFuture, None, None]] = cast(
    "Any", iter
)


def _raise_cancelled(message: object) -> NoReturn:
    # anyio recognizes its own cancellations by the message.
    raise asyncio.CancelledError(*(() if message is None else (message,)))


def settle(
    future: "asyncio.Future[Response]", report: ProgressListener | None, answer: Response
) -> None:
    """Deliver to a future of asyncio, which may be waited for more than once."""
    if isinstance(answer, Progress):
        # In a turn of its own, because the listener may raise.
        future.get_loop().call_soon(answer.report_to, report)
    elif not future.done():
        future.set_result(answer)


class DeadlineTimer:
    """Calls a function when the next deadline has passed, at most `LIVENESS_INTERVAL` from now."""

    __slots__ = ("_handle", "_loop", "next_check")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None
        self.next_check = math.inf
        """When the function is called next; infinite without a timer."""

    def set(self, deadline: float, check: Callable[[float], float | None]) -> None:
        """Call `check` with the time. It returns the next deadline, or `None` if there is none."""
        if self._handle is not None:
            self._handle.cancel()
        now = time.monotonic()
        self.next_check = min(deadline, now + LIVENESS_INTERVAL)
        self._handle = self._loop.call_later(self.next_check - now, self._run, check)

    def _run(self, check: Callable[[float], float | None]) -> None:
        self._handle = None
        self.next_check = math.inf
        deadline = check(time.monotonic())
        if deadline is not None:
            self.set(deadline, check)
