"""Reads a plugin's stream item by item, for threads: asks for each item, waits, and closes.

A generator has no context and no thread of its own; it runs wherever it is asked. So every step of
a stream is taken in the context of the call that opened it: metadata and progress are the call's,
whichever thread or task goes on with it.
"""

import math
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from contextvars import Context
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, NoReturn, Protocol

from scaffold._concurrency.forks import INHERITED_CALL, reset_after_fork
from scaffold._concurrency.signal_safety import ResultTimeout, SignalSafeFuture
from scaffold.contract._errors.masking import ANY_EXCEPTION, as_exception, is_requested
from scaffold.host._concurrency.loop_thread import LoopThread
from scaffold.host._concurrency.time_limit import ThreadUnavailable, TimeLimitExceeded, WorkRefused
from scaffold.host._concurrency.waiting import wait_until

END: Final = object()
"""Stands for the item after the last one."""

_CLOSING: Final = 2.0
"""Seconds for which the end of an asynchronous generator is waited for."""


class StreamSteps(Protocol):
    """The items of one stream, for a thread."""

    def step(self, seconds: float | None = None) -> Any:
        """Return the next item or `END`; raise what the plugin raises, or `TimeLimitExceeded`."""
        ...

    def close(self, *, waits: bool) -> None:
        """Close the plugin's generator; raise what it raises, if that is known at once.

        `waits` is False in a finaliser.
        """
        ...


class IteratorSteps:
    """A plain iterator, which any thread may step, and close while another is at it.

    It uses no lock: the plugin's code runs in a step, and an exception of a signal handler must
    not leave one behind. Threads queue instead, as `scaffold._concurrency.signal_safety` describes.
    """

    def __init__(self, items: Iterator[Any], context: Context) -> None:
        self._items = items
        self._context = context
        self._turns: list[int] = []
        """The threads that want a step. The first one takes it."""
        self._closed = False
        reset_after_fork(self._leave_turns)

    def step(self, seconds: float | None = None) -> Any:
        """Return the next item or `END`, however long it takes."""
        assert seconds is None, "only a thread of its own can be waited for so long and no longer"
        turns, me = self._turns, threading.get_ident()
        if me in turns:
            raise RuntimeError("a stream was asked for an item by the code that makes its items")
        try:
            turns.append(me)
            if turns[0] != me:
                wait_until(lambda: turns[0] == me, math.inf)
            item = END if self._closed else self._context.run(next, self._items, END)
        finally:
            turns.remove(me)
        if self._closed:
            self.close()  # it was asked to while this thread had the turn
        return item

    def close(self, *, waits: bool = False) -> None:
        """Close the generator, if it is one; while a step is taken, that step does it."""
        del waits
        self._closed = True
        turns, me = self._turns, threading.get_ident()
        close = getattr(self._items, "close", None)
        if close is None or me in turns:
            return
        try:
            turns.append(me)
            if turns[0] == me:
                self._context.run(close)
        finally:
            turns.remove(me)

    def _leave_turns(self) -> None:
        """Forget the threads of the parent process that take a step."""
        self._turns = []


class ThreadSteps:
    """A plain iterator in a thread of its own, so that a step need not be waited for to its end.

    Nothing can stop a Python thread: one that is late is left to itself, and ends with the process.
    """

    def __init__(self, plain: IteratorSteps) -> None:
        self._plain = plain
        self._asked: SimpleQueue[SignalSafeFuture[Any] | None] = SimpleQueue()
        self._inherited = False
        thread = threading.Thread(target=self._serve, name="plugin-stream", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise ThreadUnavailable(thread.name, error) from None
        reset_after_fork(self._lose_thread)

    def step(self, seconds: float | None = None) -> Any:
        """Return the next item or `END`; raise `TimeLimitExceeded`, or `WorkRefused` in a fork."""
        if self._inherited:
            raise WorkRefused(INHERITED_CALL)
        asked = SignalSafeFuture[Any]()
        self._asked.put(asked)
        return _awaited(asked, seconds)

    def close(self, *, waits: bool = False) -> None:
        """Close the generator, and end the thread; while a step is taken, after that."""
        del waits
        self._asked.put(None)
        self._plain.close()

    def _lose_thread(self) -> None:
        self._inherited = True

    def _serve(self) -> None:
        while (asked := self._asked.get()) is not None:
            try:
                item = self._plain.step()
            except ANY_EXCEPTION as error:
                asked.settle(partial(_fail, as_exception(error)))
            else:
                asked.settle(partial(_identity, item))


class LoopSteps:
    """An asynchronous iterator, stepped from other threads; all of it runs in one task.

    So it may hold what belongs to a task, as a timeout or a group of tasks does, between its items.
    """

    def __init__(
        self,
        items: AsyncIterator[Any],
        context: Context,
        loop: LoopThread,
        report: Callable[[BaseException], object],
    ) -> None:
        self._items = items
        self._report = report
        """Called with what the generator raises as it is closed."""
        self._loop = loop
        self._asked: deque[SignalSafeFuture[Any]] = deque()
        self._wake: Callable[[], object] = _nothing
        self._closed = False
        self._ended = SignalSafeFuture[None]()
        self._within = context.run(loop.begin, self._serve(), self._cut_off)

    def step(self, seconds: float | None = None) -> Any:
        """Return the next item or `END`.

        Raises `TimeLimitExceeded`, or `WorkRefused` if the loop has ended.
        """
        asked = SignalSafeFuture[Any]()
        self._asked.append(asked)
        # The task fails what was asked for when it ends; afterwards the loop takes nothing.
        if self._ended.settled or not self._loop.soon(self._within, self._turn):
            raise self._loop.refusal(self._within)
        return _awaited(asked, seconds)

    def close(self, *, waits: bool) -> None:
        """Cancel what it waits for, close it, and wait for that."""
        self._closed = True
        if self._loop.soon(self._within, self._turn) and waits and not self._loop.is_current:
            with suppress(ResultTimeout):
                self._ended.wait(_CLOSING)

    def _turn(self) -> None:
        """Have the task look at what is wanted of it."""
        self._wake()

    async def _serve(self) -> None:
        import asyncio

        task = asyncio.current_task()
        assert task is not None
        wanted = asyncio.Event()
        self._wake = lambda: task.cancel() if self._closed else wanted.set()
        try:
            while not self._closed:
                if not self._asked:
                    await wanted.wait()
                    wanted.clear()
                    continue
                await self._answer(self._asked[0])
                self._asked.popleft()
        finally:
            self._wake = _nothing
            await self._end()

    async def _answer(self, asked: SignalSafeFuture[Any]) -> None:
        try:
            item = await anext(self._items, END)
        except ANY_EXCEPTION as error:
            if is_requested(error):
                raise
            asked.settle(partial(_fail, as_exception(error)))
        else:
            asked.settle(partial(_identity, item))

    async def _end(self) -> None:
        try:
            close = getattr(self._items, "aclose", None)
            if close is not None:
                await close()
        except ANY_EXCEPTION as error:
            if is_requested(error):
                raise
            self._report(as_exception(error))
        finally:
            self._cut_off()

    def _cut_off(self) -> None:
        """Fail what was asked for; what is asked for later is refused. May be repeated."""
        self._ended.settle(_nothing)
        for asked in tuple(self._asked):
            asked.settle(partial(_fail, RuntimeError("the stream was cut off")))


def _awaited(asked: SignalSafeFuture[Any], seconds: float | None) -> Any:
    """Wait for what was asked for; raise `TimeLimitExceeded`."""
    try:
        result = asked.wait(seconds)
    except ResultTimeout:
        raise TimeLimitExceeded(seconds or 0.0) from None
    return result()


def _identity(item: Any) -> Any:
    return item


def _fail(error: BaseException) -> NoReturn:
    raise error


def _nothing() -> None:
    """Do nothing: no task waits."""
