"""Stream hooks in process: the plugin's generator behind the guards of every other runtime."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextvars import copy_context
from typing import Any, Generic, TypeVar

from scaffold.contract._errors.errors import DeadlineExceeded, ScaffoldError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.hook import Hook
from scaffold.contract._hooks.streams import is_async_iterator, iterator_of
from scaffold.host._concurrency.loop_thread import LoopThread
from scaffold.host._concurrency.thread_pool import Crew
from scaffold.host._concurrency.time_limit import Late, transport_failure
from scaffold.host._in_process.hook_binding import Joint
from scaffold.host._in_process.in_flight import Flights, closed
from scaffold.host._in_process.stream_steps import (
    END,
    AsyncSteps,
    Awaited,
    InTask,
    InThread,
    Plain,
    Steps,
    Timed,
)

__all__ = ["opener", "opener_async"]

In = TypeVar("In")
Out = TypeVar("Out")
S = TypeVar("S", Steps, AsyncSteps)
E = TypeVar("E", None, Awaitable[None])


def opener(
    joint: Joint[In, Out],
    hook: Hook[In, Out],
    flights: Flights,
    loop: LoopThread,
    enter: Callable[[], None],
) -> Callable[[In], Generator[Out]]:
    """Return the function that opens a stream; asynchronous generators run in `loop`.

    `enter` is called if `flights` are shut; it raises, or lets a call begin all the same.
    """
    takes, admit, gives, accept = joint.takes, joint.admit, joint.gives, joint.accept
    calls = flights.of(hook.name)

    def checked(source: _Source) -> Generator[Out]:
        while (item := source.step()) is not END:
            yield item if type(item) is gives else accept(item)

    def items(source: _Source) -> Generator[Out]:
        calls.under_way += 1
        try:  # without a loop: Python 3.12 and 3.13 do not protect a jump back at the end of a try
            yield from checked(source)
        finally:
            calls.under_way -= 1
            source.close()

    def call(payload: In) -> Generator[Out]:
        if type(payload) is not takes:
            payload = admit(payload)
        context = copy_context()

        def begin() -> Steps:
            made = context.run(joint.invoke, payload)
            if is_async_iterator(made):
                return Awaited(made, context, loop)
            plain = Plain(iterator_of(made), context)
            return plain if hook.timeout is None else Timed(plain)

        return items(_Source(joint, hook, flights, begin, enter))

    return call


def opener_async(
    joint: Joint[In, Out],
    hook: Hook[In, Out],
    flights: Flights,
    crew: Crew,
    enter: Callable[[], Awaitable[None]],
    *,
    threaded: bool,
) -> Callable[[In], AsyncGenerator[Out]]:
    """Return the function that opens a stream; plain generators run in `crew` if `threaded`.

    Those of a hook with a timeout do so too: nothing else can be stopped waiting for.
    """
    takes, admit, gives, accept = joint.takes, joint.admit, joint.gives, joint.accept
    calls = flights.of(hook.name)
    threaded = threaded or hook.timeout is not None

    async def items(source: _AsyncSource) -> AsyncGenerator[Out]:
        calls.under_way += 1
        try:
            while (item := await source.step()) is not END:
                yield item if type(item) is gives else accept(item)
        finally:
            calls.under_way -= 1
            await source.close()

    def call(payload: In) -> AsyncGenerator[Out]:
        if type(payload) is not takes:
            payload = admit(payload)
        context = copy_context()

        def begin() -> AsyncSteps:
            made = context.run(joint.invoke, payload)
            if is_async_iterator(made):
                return InTask(made, context)
            return InThread(Plain(iterator_of(made), context), crew if threaded else None)

        return items(_AsyncSource(joint, hook, flights, begin, enter))

    return call


class _Guarded(Generic[S, E]):
    """One stream of a plugin, begun when its first item is asked for."""

    def __init__(
        self,
        joint: Joint[Any, Any],
        hook: Hook[Any, Any],
        flights: Flights,
        begin: Callable[[], S],
        enter: Callable[[], E],
    ) -> None:
        self.fail = joint.fail
        self.hook = hook
        self.steps: S | None = None
        self._flights = flights
        self._begin: Callable[[], S] = begin
        self._enter: Callable[[], E] = enter

    def begun(self) -> S:
        """Return the plugin's own steps."""
        if self.steps is None:
            self.steps = self._begin()
        return self.steps

    def told(self, error: BaseException) -> BaseException:
        """Return what the caller learns of what went wrong."""
        if isinstance(error, ScaffoldError):
            return error
        if isinstance(error, Late):
            return DeadlineExceeded(f"{self.hook.name}: no item within {self.hook.timeout:g} s")
        return closed() if self._flights.closed else transport_failure(error) or self.fail(error)


class _Source(_Guarded[Steps, None]):
    """A stream for a thread."""

    def step(self) -> Any:
        """Return the next item or `END`; raise `ScaffoldError`."""
        try:
            if self._flights.shut:
                self._enter()
            return self.begun().step(self.hook.timeout)
        except PLUGIN_EXCEPTIONS as error:
            told = self.told(error)
            raise told from told.__cause__

    def close(self) -> None:
        """Close the plugin's generator; what it raises then is for its log."""
        try:
            if self.steps is not None:
                self.steps.close()
        except PLUGIN_EXCEPTIONS as error:
            self.fail(error)


class _AsyncSource(_Guarded[AsyncSteps, Awaitable[None]]):
    """A stream for an event loop."""

    async def step(self) -> Any:
        """Return the next item or `END`; raise `ScaffoldError`."""
        try:
            if self._flights.shut:
                await self._enter()
            steps = self.begun()
            return await (steps.step() if self.hook.timeout is None else self._in_time(steps))
        except PLUGIN_EXCEPTIONS as error:
            told = self.told(error)
            raise told from told.__cause__

    async def close(self) -> None:
        """Close the plugin's generator; what it raises then is for its log."""
        try:
            if self.steps is not None:
                await self.steps.close()
        except PLUGIN_EXCEPTIONS as error:
            self.fail(error)

    async def _in_time(self, steps: AsyncSteps) -> Any:
        import asyncio

        seconds = self.hook.timeout
        assert seconds is not None
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await steps.step()
        except TimeoutError:
            if not limit.expired():  # the plugin's own error
                raise
            raise Late(seconds) from None
