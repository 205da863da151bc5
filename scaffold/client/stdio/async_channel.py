"""The channel to a plugin that is a child process, for an event loop."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

from scaffold.client.session import Outgoing, Talk
from scaffold.client.stdio.connection import GRACE, MESSAGE_LIMIT, NotSent
from scaffold.client.stdio.loop import LoopPipes
from scaffold.client.stdio.process import Launch, Spawn
from scaffold.client.stdio.supervision import Supervision, closed
from scaffold.client.streams import On, opener
from scaffold.contract.errors import ConnectFailed, PeerCrashed, ScaffoldError
from scaffold.contract.hook import Hook, Kind, StreamHook
from scaffold.wire.messages import Message

__all__ = ["AsyncStdioChannel"]

In = TypeVar("In")
Out = TypeVar("Out")


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
        startup_timeout: float = 30.0,
        timeout: float = 60.0,
        limit: int = MESSAGE_LIMIT,
        spawn: Spawn | None = None,
    ) -> None:
        self._launch = Launch(command, cwd, env or {}, spawn)
        self._supervision = Supervision(kind, plugin)
        self._startup_timeout = startup_timeout
        self._timeout = timeout
        self._limit = limit
        self._closed = False
        self._revival: asyncio.Task[LoopPipes | ScaffoldError] | None = None
        self._pipes: LoopPipes | None = None

    async def connect(self) -> None:
        """Start the process and open a session with it.

        Raises `ConnectFailed` if it does not start or does not answer, `ProtocolError` if it speaks
        no MCP.
        """
        self._pipes = await self._connect()

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Return the function that calls `hook`; raise `RuntimeNotSupported` if none can."""
        if self._pipes is None:
            raise ConnectFailed("the channel is not connected yet")
        timeout = self._timeout if hook.timeout is None else hook.timeout
        if self._pipes.session.is_catalogue(hook):

            async def list_functions(_payload: In) -> Out:
                return await self._list(hook, timeout)

            return list_functions
        bound = self._caller(self._pipes, hook, timeout)
        now = time.monotonic
        repeatable = hook.idempotent or hook.read_only

        async def call(payload: In) -> Out:
            nonlocal bound
            deadline = now() + timeout
            pipes, make = bound
            if pipes is not self._pipes or pipes.end is not None:
                bound = pipes, make = self._caller(await self._alive(deadline), hook, timeout)
            try:
                return await make(payload, deadline)
            except PeerCrashed as error:
                if not (repeatable or isinstance(error, NotSent)):
                    raise
            bound = pipes, make = self._caller(await self._alive(deadline), hook, timeout)
            return await make(payload, deadline)

        return call

    def _caller(
        self, pipes: LoopPipes, hook: Hook[In, Out], timeout: float
    ) -> tuple[LoopPipes, Callable[[In, float], Awaitable[Out]]]:
        return pipes, pipes.caller(pipes.session.call(hook), timeout)

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract.streams`."""
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
            return error
        else:
            return self._pipes
        finally:
            self._revival = None

    async def _connect(self) -> LoopPipes:
        """Start a process and open a session with it."""
        session = self._supervision.session()
        deadline = time.monotonic() + self._startup_timeout
        pipes = LoopPipes(self._launch, session, self._limit)

        async def ask(outgoing: Outgoing) -> Message | None:
            nonlocal pipes
            try:
                return await pipes.ask(outgoing, deadline, self._startup_timeout)
            except PeerCrashed:
                if not outgoing.probe:
                    raise
            # The probe killed it: an old server, to be greeted as one.
            await pipes.aclose(closed)
            pipes = LoopPipes(self._launch, session, self._limit)
            return None

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
