"""The channel to a plugin that is a child process, for an event loop."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Generic, TypeVar

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.unsupported import running_loop
from scaffold._mcp.jsonrpc import Message
from scaffold.client._process.launch import Launch, NoRoom, Spawn
from scaffold.client._protocol.session import Call, FunctionCall, Outgoing, Talk
from scaffold.client._protocol.stream_calls import On, opener
from scaffold.client._stdio.connection.async_connection import LoopPipes
from scaffold.client._stdio.connection.transport import GRACE, MESSAGE_LIMIT, NotSent
from scaffold.client._stdio.restart_policy import DYING_OF_PROBE, Supervision, closed
from scaffold.contract._context.call_context import current_call_context
from scaffold.contract._errors.errors import ConnectFailed, PeerCrashed, ScaffoldError
from scaffold.contract._hooks.hook import Hook, Kind, StreamHook

__all__ = ["AsyncStdioChannel"]

In = TypeVar("In")
Out = TypeVar("Out")


class _Bound(Generic[In, Out]):
    """What is prepared for the calls of one hook, as long as the process lives."""

    def __init__(self, pipes: LoopPipes, hook: Hook[In, Out], timeout: float) -> None:
        self.hook = hook
        self.timeout = timeout
        self._bind(pipes)

    def _bind(self, pipes: LoopPipes) -> None:
        self.pipes = pipes
        self._call = call = pipes.session.call(self.hook)
        functions = isinstance(call, FunctionCall)
        self.short = None if functions else pipes.caller(call, self.timeout)

    def to(self, pipes: LoopPipes) -> tuple[LoopPipes, Call]:
        """Return what makes the calls to a process, which may be a new one."""
        if pipes is not self.pipes:
            self._bind(pipes)
        return pipes, self._call


class AsyncStdioChannel:
    """Starts a plugin's process and calls its hooks from one event loop.

    Takes what `StdioChannel` takes. `connect` must have run before anything is bound.
    """

    runtime = "mcp_stdio"

    def __init__(
        self,
        command: Sequence[str],
        *,
        kind: Kind,
        plugin: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        env_inherit: Sequence[str] | None = None,
        startup_timeout: float = 30.0,
        timeout: float = 60.0,
        limit: int = MESSAGE_LIMIT,
        spawn: Spawn | None = None,
    ) -> None:
        self._launch = Launch(command, cwd, env or {}, spawn, env_inherit)
        self._supervision = Supervision(kind, plugin)
        self._startup_timeout = startup_timeout
        self._timeout = timeout
        self._limit = limit
        self._closed = False
        self._revival: asyncio.Task[LoopPipes | ScaffoldError] | None = None
        self._pipes: LoopPipes | None = None
        reset_after_fork(self._in_fork)

    async def connect(self) -> None:
        """Start the process and open a session with it.

        Raises `ConnectFailed` if it does not start or does not answer, `ProtocolError` if it speaks
        no MCP.
        """
        running_loop()
        self._pipes = await self._connect()

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Return the function that calls `hook`; raise `RuntimeNotSupported` if none can."""
        if self._pipes is None:
            raise ConnectFailed("the channel is not connected yet")
        timeout = self._timeout if hook.timeout is None else hook.timeout
        if self._pipes.session.is_catalogue(hook):
            return lambda _payload: self._list(hook, timeout)
        repeatable = hook.idempotent or hook.read_only
        now, said = time.monotonic, current_call_context
        bound = _Bound(self._pipes, hook, timeout)

        async def call(payload: In) -> Out:
            # One coroutine, and none that it waits for: most calls would feel each.
            deadline = now() + timeout
            pipes, short = bound.pipes, bound.short
            if short is not None and said() is None and pipes.end is None:
                begin, finish = short
                try:
                    arrival = begin(payload, deadline)
                    try:
                        await arrival
                    except BaseException:
                        pipes.forget(arrival.id)
                        raise
                    output: Out = finish(arrival)
                except PeerCrashed as error:
                    if not (repeatable or isinstance(error, NotSent)):
                        raise
                    sent = not isinstance(error, NotSent)
                    return await self._call(bound, payload, deadline, again=sent)
                else:
                    return output
            return await self._call(bound, payload, deadline)

        return call

    async def _call(
        self, bound: "_Bound[In, Out]", payload: In, deadline: float, *, again: bool = False
    ) -> Out:
        """Make a call the long way, of which there may be more to say than its payload.

        `again` says that it is made for the second time, which is the last.
        """
        repeatable = bound.hook.idempotent or bound.hook.read_only
        while True:
            pipes, call = bound.to(await self._alive(deadline))
            try:
                outgoing = call.write(payload)
                answer = await pipes.exchange(outgoing, deadline, bound.timeout)
                output: Out = call.read(answer, outgoing.name)
            except PeerCrashed as error:
                if again or not (repeatable or isinstance(error, NotSent)):
                    raise
                again = True
            else:
                return output

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.streams`."""
        if self._pipes is None:
            raise ConnectFailed("the channel is not connected yet")
        timeout = self._timeout if hook.timeout is None else hook.timeout
        repeatable = hook.idempotent or hook.read_only
        open_ = opener(self._pipes.session, hook)

        async def items(on: On) -> AsyncGenerator[Out]:
            again = False
            while True:
                pipes = await self._alive(time.monotonic() + timeout)
                stream = on(pipes.session)
                try:
                    async with aclosing(pipes.stream(stream.outgoing, timeout)) as messages:
                        async for message in messages:
                            for item in stream.read(message):
                                yield item
                except PeerCrashed as error:
                    safe = repeatable or isinstance(error, NotSent)
                    if again or stream.begun or not safe:
                        raise
                    again = True
                else:
                    return

        return lambda payload: items(open_(payload))

    async def aclose(self) -> None:
        """End the process: end of input, SIGTERM, SIGKILL. May be repeated."""
        self._closed = True
        revival, self._revival = self._revival, None
        if revival is not None:
            revival.cancel()
            await asyncio.wait([revival])
        if self._pipes is not None:
            await self._pipes.aclose(closed, GRACE)

    async def _list(self, hook: Hook[Any, Out], seconds: float) -> Out:
        """Answer a catalogue hook: what the server lists now."""
        deadline = time.monotonic() + seconds
        pipes = await self._alive(deadline)
        try:
            await _list_tools(pipes, deadline, seconds)
        except PeerCrashed:
            pipes = await self._alive(deadline)
            await _list_tools(pipes, deadline, seconds)
        return hook.output.load(pipes.session.catalogue(hook))

    async def _alive(self, deadline: float) -> LoopPipes:
        """Return the connection, a new one if the last one has ended."""
        if self._closed or self._pipes is None:
            raise closed()
        if self._pipes.end is None:
            return self._pipes
        if self._revival is None:
            delay = self._supervision.restart(self._pipes)
            self._revival = asyncio.create_task(self._restart(self._pipes, delay))
        revival = self._revival
        done, _pending = await asyncio.wait([revival], timeout=deadline - time.monotonic())
        if not done:
            raise self._supervision.too_late()
        if revival.cancelled():
            # The channel was closed meanwhile: nobody has cancelled the caller.
            raise closed()
        outcome = revival.result()
        if isinstance(outcome, ScaffoldError):
            raise outcome
        return outcome

    async def _restart(self, old: LoopPipes, delay: float) -> LoopPipes | ScaffoldError:
        try:
            await old.aclose(closed)
            await asyncio.sleep(delay)
            self._pipes = await self._connect()
        except ScaffoldError as error:
            if isinstance(error, NoRoom):
                self._supervision.not_made()
            return error
        else:
            return self._pipes
        finally:
            self._revival = None

    def _in_fork(self) -> None:
        """Make a connection of one's own at the next call, on the loop that runs there."""
        self._revival = None

    async def _connect(self) -> LoopPipes:
        """Start a process and open a session with it."""
        session = self._supervision.session()
        deadline = time.monotonic() + self._startup_timeout
        pipes = LoopPipes(self._launch, session, self._limit)
        probed = False

        async def ask(outgoing: Outgoing) -> Message | None:
            nonlocal pipes, probed
            probed = probed or outgoing.probe
            try:
                return await pipes.ask(outgoing, deadline, self._startup_timeout)
            except PeerCrashed:
                if not (probed and outgoing.method in DYING_OF_PROBE):
                    raise
            # The probe killed it, at once or with the next message: an old server.
            probed = False
            await pipes.aclose(closed)
            pipes = LoopPipes(self._launch, session, self._limit)
            if outgoing.probe:
                return None
            # Not `ask` itself: a function that refers to itself waits for the collector.
            return await pipes.ask(outgoing, deadline, self._startup_timeout)

        with self._supervision.opening(session):
            try:
                await _converse(session.open(), ask)
            except BaseException:
                await pipes.aclose(closed)
                raise
        pipes.served()
        return pipes


async def _converse(talk: Talk, ask: Callable[[Outgoing], Awaitable[Message | None]]) -> None:
    outgoing = next(talk)
    while True:
        answer = await ask(outgoing)
        try:
            outgoing = talk.send(answer)
        except StopIteration:
            return


async def _list_tools(pipes: LoopPipes, deadline: float, seconds: float) -> None:
    await _converse(
        pipes.session.list_tools(), lambda outgoing: pipes.ask(outgoing, deadline, seconds)
    )
