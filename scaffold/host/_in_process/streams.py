"""Stream hooks in process: the plugin's generator behind the guards of every other runtime."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextvars import Context, copy_context
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from typing_extensions import override

from scaffold._concurrency.finalised_generators import IsFinalised, aware_of_finaliser
from scaffold.contract._errors.errors import ScaffoldError
from scaffold.contract._errors.masking import ANY_EXCEPTION, PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import is_async_iterator, iterator_of
from scaffold.host._concurrency.loop_thread import LoopThread
from scaffold.host._concurrency.thread_pool import ThreadPool
from scaffold.host._concurrency.time_limit import TimeLimitExceeded
from scaffold.host._in_process.hook_binding import HookBinding, raise_unless_failure
from scaffold.host._in_process.in_flight import InFlightCalls, channel_closed_error
from scaffold.host._in_process.stream_steps import (
    END,
    IteratorSteps,
    LoopSteps,
    StreamSteps,
    ThreadSteps,
)

In = TypeVar("In")
Out = TypeVar("Out")


class AsyncStreamSteps(Protocol):
    """The items of one stream, for an event loop."""

    async def step(self) -> Any:
        """Return the next item or `END`; raise what the plugin raises."""
        ...

    async def close(self) -> None:
        """Close the plugin's generator; raise what it raises."""
        ...


S = TypeVar("S", StreamSteps, AsyncStreamSteps)
E = TypeVar("E", None, Awaitable[None])


def stream_opener(
    binding: HookBinding[In, Out],
    in_flight: InFlightCalls,
    loop: LoopThread,
    enter: Callable[[], None],
) -> Callable[[In], Generator[Out]]:
    """Return the function that opens a stream; asynchronous generators run in `loop`.

    `enter` is called if `in_flight` are shut; it raises, or lets a call begin all the same.
    """
    output_class, validate_output = binding.output_class, binding.validate_output
    calls = in_flight.of(binding.hook.name)

    def checked(source: _Source) -> Generator[Out]:
        while (item := source.step()) is not END:
            yield item if type(item) is output_class else validate_output(item)

    def items(source: _Source, is_finalised: IsFinalised) -> Generator[Out]:
        calls.running += 1
        try:  # without a loop: Python 3.12 and 3.13 do not protect a jump back at the end of a try
            yield from checked(source)
        finally:
            calls.running -= 1
            source.close(waits=not is_finalised())

    def steps_of(made: Any, context: Context) -> StreamSteps:
        if is_async_iterator(made):
            return LoopSteps(made, context, loop, binding.mask)
        plain = IteratorSteps(iterator_of(made), context)
        return plain if binding.hook.timeout is None else ThreadSteps(plain)

    def call(payload: In) -> Generator[Out]:
        source = _Source(binding, in_flight, payload, steps_of, enter)
        return aware_of_finaliser(partial(items, source))

    return call


def async_stream_opener(
    binding: HookBinding[In, Out],
    in_flight: InFlightCalls,
    threads: ThreadPool | None,
    enter: Callable[[], Awaitable[None]],
) -> Callable[[In], AsyncGenerator[Out]]:
    """Return the function that opens a stream; plain generators run in `threads` if there are any.

    Those of a hook with a timeout need threads: nothing else can be stopped waiting for.
    """
    output_class, validate_output = binding.output_class, binding.validate_output
    calls = in_flight.of(binding.hook.name)

    async def items(source: _AsyncSource) -> AsyncGenerator[Out]:
        calls.running += 1
        try:
            while (item := await source.step()) is not END:
                yield item if type(item) is output_class else validate_output(item)
        finally:
            calls.running -= 1
            await source.close()

    def steps_of(made: Any, context: Context) -> AsyncStreamSteps:
        if is_async_iterator(made):
            return AsyncGeneratorSteps(made, context)
        return AsyncIteratorSteps(IteratorSteps(iterator_of(made), context), threads)

    return lambda payload: items(_AsyncSource(binding, in_flight, payload, steps_of, enter))


class _Guarded(Generic[S, E]):
    """One stream of a plugin, begun when its first item is asked for."""

    def __init__(
        self,
        binding: HookBinding[Any, Any],
        in_flight: InFlightCalls,
        payload: Any,
        steps_of: Callable[[Any, Context], S],
        enter: Callable[[], E],
    ) -> None:
        if type(payload) is not binding.input_class:
            payload = binding.validate_input(payload)
        self.binding = binding
        self.timeout = binding.hook.timeout
        self.steps: S | None = None
        self._in_flight = in_flight
        self._payload = payload
        self._context = copy_context()
        self._steps_of: Callable[[Any, Context], S] = steps_of
        self._enter: Callable[[], E] = enter

    def begun(self) -> S:
        """Return the plugin's own steps."""
        if self.steps is None:
            made = self._context.run(self.binding.invoke, self._payload)
            self.steps = self._steps_of(made, self._context)
        return self.steps

    def translate(self, error: BaseException) -> BaseException:
        """Return what the caller learns of what went wrong; raise what is not a failure again."""
        raise_unless_failure(error)
        if isinstance(error, ScaffoldError):
            return error
        if self._in_flight.closed and not isinstance(error, TimeLimitExceeded):
            return channel_closed_error()
        return self.binding.translate(error)


class _Source(_Guarded[StreamSteps, None]):
    """A stream for a thread."""

    def step(self) -> Any:
        """Return the next item or `END`; raise `ScaffoldError`."""
        try:
            if self._in_flight.shut:
                self._enter()
            return self.begun().step(self.timeout)
        except ANY_EXCEPTION as error:
            failure = self.translate(error)
            raise failure from failure.__cause__

    def close(self, *, waits: bool) -> None:
        """Close the plugin's generator; what it raises then is for its log."""
        try:
            if self.steps is not None:
                self.steps.close(waits=waits)
        except PLUGIN_EXCEPTIONS as error:
            self.binding.mask(error)


class _AsyncSource(_Guarded[AsyncStreamSteps, Awaitable[None]]):
    """A stream for an event loop."""

    async def step(self) -> Any:
        """Return the next item or `END`; raise `ScaffoldError`."""
        try:
            if self._in_flight.shut:
                await self._enter()
            steps = self.begun()
            return await (steps.step() if self.timeout is None else self._in_time(steps))
        except ANY_EXCEPTION as error:
            failure = self.translate(error)
            raise failure from failure.__cause__

    async def close(self) -> None:
        """Close the plugin's generator; what it raises then is for its log."""
        try:
            if self.steps is not None:
                await self.steps.close()
        except PLUGIN_EXCEPTIONS as error:
            self.binding.mask(error)

    async def _in_time(self, steps: AsyncStreamSteps) -> Any:
        import asyncio

        seconds = self.timeout
        assert seconds is not None
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await steps.step()
        except TimeoutError:
            if not limit.expired():  # the plugin's own error
                raise
            raise TimeLimitExceeded(seconds) from None


class AsyncIteratorSteps:
    """A plain iterator for an event loop: stepped in threads of a pool, or in the loop itself."""

    def __init__(self, plain: IteratorSteps, threads: ThreadPool | None) -> None:
        self._plain = plain
        self._threads = threads

    async def step(self) -> Any:
        return await self._do(self._plain.step)

    async def close(self) -> None:
        """Close the generator; while a step is taken, that step does it."""
        await self._do(self._plain.close)

    async def _do(self, work: Callable[[], Any]) -> Any:
        return work() if self._threads is None else await self._threads.result_of(work)


class AsyncGeneratorSteps:
    """An asynchronous iterator, stepped in whatever task asks."""

    def __init__(self, items: AsyncIterator[Any], context: Context) -> None:
        self._items = items
        self._context = context

    async def step(self) -> Any:
        return await _InContext(self._context, anext(self._items, END))

    async def close(self) -> None:
        """Close the generator, if it is one."""
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await _InContext(self._context, close())


class _InContext(Generator[Any, Any, Any]):
    """Awaits in a context, in the task that awaits this."""

    def __init__(self, context: Context, awaitable: Awaitable[Any]) -> None:
        self._run = context.run
        self._steps: Any = context.run(awaitable.__await__)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    @override
    def send(self, value: Any) -> Any:
        return self._run(self._steps.send, value)

    @override
    def throw(self, *error: Any) -> Any:
        return self._run(self._steps.throw, *error)
