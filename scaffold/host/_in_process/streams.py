"""Stream hooks in process: the plugin's generator behind the guards of every other runtime."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextvars import Context, copy_context
from typing import Any, Generic, Protocol, TypeVar

from typing_extensions import override

from scaffold.contract._errors.errors import DeadlineExceeded, ScaffoldError
from scaffold.contract._errors.masking import ANY_EXCEPTION, PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import is_async_iterator, iterator_of
from scaffold.contract._hooks.hook import Hook
from scaffold.host._concurrency.loop_thread import LoopThread
from scaffold.host._concurrency.thread_pool import ThreadPool
from scaffold.host._concurrency.time_limit import TimeLimitExceeded, transport_failure
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
T = TypeVar("T")


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
    hook: Hook[In, Out],
    in_flight: InFlightCalls,
    loop: LoopThread,
    enter: Callable[[], None],
) -> Callable[[In], Generator[Out]]:
    """Return the function that opens a stream; asynchronous generators run in `loop`.

    `enter` is called if `in_flight` are shut; it raises, or lets a call begin all the same.
    """
    input_class, validate_input, output_class, validate_output = (
        binding.input_class,
        binding.validate_input,
        binding.output_class,
        binding.validate_output,
    )
    calls = in_flight.of(hook.name)

    def checked(source: _Source) -> Generator[Out]:
        while (item := source.step()) is not END:
            yield item if type(item) is output_class else validate_output(item)

    def items(source: _Source) -> Generator[Out]:
        calls.running += 1
        try:  # without a loop: Python 3.12 and 3.13 do not protect a jump back at the end of a try
            yield from checked(source)
        finally:
            calls.running -= 1
            source.close()

    def call(payload: In) -> Generator[Out]:
        if type(payload) is not input_class:
            payload = validate_input(payload)
        context = copy_context()

        def begin() -> StreamSteps:
            made = context.run(binding.invoke, payload)
            if is_async_iterator(made):
                return LoopSteps(made, context, loop)
            plain = IteratorSteps(iterator_of(made), context)
            return plain if hook.timeout is None else ThreadSteps(plain)

        return items(_Source(binding, hook, in_flight, begin, enter))

    return call


def async_stream_opener(
    binding: HookBinding[In, Out],
    hook: Hook[In, Out],
    in_flight: InFlightCalls,
    threads: ThreadPool,
    enter: Callable[[], Awaitable[None]],
    *,
    threaded: bool,
) -> Callable[[In], AsyncGenerator[Out]]:
    """Return the function that opens a stream; plain generators run in `threads` if `threaded`.

    Those of a hook with a timeout do so too: nothing else can be stopped waiting for.
    """
    input_class, validate_input, output_class, validate_output = (
        binding.input_class,
        binding.validate_input,
        binding.output_class,
        binding.validate_output,
    )
    calls = in_flight.of(hook.name)
    threaded = threaded or hook.timeout is not None

    async def items(source: _AsyncSource) -> AsyncGenerator[Out]:
        calls.running += 1
        try:
            while (item := await source.step()) is not END:
                yield item if type(item) is output_class else validate_output(item)
        finally:
            calls.running -= 1
            await source.close()

    def call(payload: In) -> AsyncGenerator[Out]:
        if type(payload) is not input_class:
            payload = validate_input(payload)
        context = copy_context()

        def begin() -> AsyncStreamSteps:
            made = context.run(binding.invoke, payload)
            if is_async_iterator(made):
                return AsyncGeneratorSteps(made, context)
            return AsyncIteratorSteps(
                IteratorSteps(iterator_of(made), context), threads if threaded else None
            )

        return items(_AsyncSource(binding, hook, in_flight, begin, enter))

    return call


class _Guarded(Generic[S, E]):
    """One stream of a plugin, begun when its first item is asked for."""

    def __init__(
        self,
        binding: HookBinding[Any, Any],
        hook: Hook[Any, Any],
        in_flight: InFlightCalls,
        begin: Callable[[], S],
        enter: Callable[[], E],
    ) -> None:
        self.fail = binding.fail
        self.hook = hook
        self.steps: S | None = None
        self._in_flight_calls = in_flight
        self._begin: Callable[[], S] = begin
        self._enter: Callable[[], E] = enter

    def begun(self) -> S:
        """Return the plugin's own steps."""
        if self.steps is None:
            self.steps = self._begin()
        return self.steps

    def told(self, error: BaseException) -> BaseException:
        """Return what the caller learns of what went wrong; raise what is not a failure again."""
        raise_unless_failure(error)
        if isinstance(error, ScaffoldError):
            return error
        if isinstance(error, TimeLimitExceeded):
            return DeadlineExceeded(f"{self.hook.name}: no item within {self.hook.timeout:g} s")
        return (
            channel_closed_error()
            if self._in_flight_calls.closed
            else transport_failure(error) or self.fail(error)
        )


class _Source(_Guarded[StreamSteps, None]):
    """A stream for a thread."""

    def step(self) -> Any:
        """Return the next item or `END`; raise `ScaffoldError`."""
        try:
            if self._in_flight_calls.shut:
                self._enter()
            return self.begun().step(self.hook.timeout)
        except ANY_EXCEPTION as error:
            told = self.told(error)
            raise told from told.__cause__

    def close(self) -> None:
        """Close the plugin's generator; what it raises then is for its log."""
        try:
            if self.steps is not None:
                self.steps.close()
        except PLUGIN_EXCEPTIONS as error:
            self.fail(error)


class _AsyncSource(_Guarded[AsyncStreamSteps, Awaitable[None]]):
    """A stream for an event loop."""

    async def step(self) -> Any:
        """Return the next item or `END`; raise `ScaffoldError`."""
        try:
            if self._in_flight_calls.shut:
                await self._enter()
            steps = self.begun()
            return await (steps.step() if self.hook.timeout is None else self._in_time(steps))
        except ANY_EXCEPTION as error:
            told = self.told(error)
            raise told from told.__cause__

    async def close(self) -> None:
        """Close the plugin's generator; what it raises then is for its log."""
        try:
            if self.steps is not None:
                await self.steps.close()
        except PLUGIN_EXCEPTIONS as error:
            self.fail(error)

    async def _in_time(self, steps: AsyncStreamSteps) -> Any:
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
            raise TimeLimitExceeded(seconds) from None


class AsyncIteratorSteps:
    """A plain iterator for an event loop: stepped in threads of a pool, or in the loop itself."""

    def __init__(self, plain: IteratorSteps, threads: ThreadPool | None) -> None:
        self._plain = plain
        self._threads = threads

    async def step(self) -> Any:
        """Return the next item or `END`."""
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
        """Return the next item or `END`."""
        return await _InContext(self._context, anext(self._items, END))

    async def close(self) -> None:
        """Close the generator, if it is one."""
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await _InContext(self._context, close())


class _InContext(Generator[Any, Any, T]):
    """Awaits in a context, in the task that awaits this."""

    def __init__(self, context: Context, awaitable: Awaitable[T]) -> None:
        self._run = context.run
        self._steps: Any = context.run(awaitable.__await__)

    def __await__(self) -> Generator[Any, Any, T]:
        return self

    @override
    def send(self, value: Any) -> Any:
        return self._run(self._steps.send, value)

    @override
    def throw(self, *error: Any) -> Any:
        return self._run(self._steps.throw, *error)
