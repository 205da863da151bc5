"""The channel to a plugin that is a child process, for an event loop."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Generic, TypeVar

from typing_extensions import override

from scaffold._concurrency.finish_cancelled import run_to_completion
from scaffold._concurrency.unsupported import running_loop
from scaffold._mcp.jsonrpc import Message
from scaffold.client._process.launch import NoRoom
from scaffold.client._protocol.call_codecs import CallCodec, StartStream, make_codec, stream_opener
from scaffold.client._protocol.session import OutgoingMessage, ProtocolSession
from scaffold.client._stdio.connection.async_connection import AsyncConnection
from scaffold.client._stdio.connection.transport import (
    CLOSE_GRACE_PERIOD,
    NotSent,
)
from scaffold.client._stdio.restart_policy import channel_closed_error
from scaffold.client._stdio.shared_channel import SharedStdioChannel, may_repeat
from scaffold.contract._context.call_context import current_call_context
from scaffold.contract._errors.errors import (
    ConnectFailed,
    PeerCrashed,
    ScaffoldError,
)
from scaffold.contract._hooks.hook import Hook, StreamHook

In = TypeVar("In")
Out = TypeVar("Out")


class _PreparedCalls(Generic[In, Out]):
    """The functions that call one hook, prepared for as long as the process lives."""

    def __init__(self, connection: AsyncConnection, hook: Hook[In, Out], timeout: float) -> None:
        self.hook = hook
        self.timeout = timeout
        self._bind(connection)

    def _bind(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self._codec = make_codec(connection.session, self.hook)
        self.fast_call = connection.fast_caller(self._codec, self.timeout)

    def to(self, connection: AsyncConnection) -> tuple[AsyncConnection, CallCodec]:
        """Return the connection and the codec of the hook; prepare both again for a new process."""
        if connection is not self.connection:
            self._bind(connection)
        return connection, self._codec


class AsyncStdioChannel(SharedStdioChannel[AsyncConnection]):
    """Starts a plugin's process and calls its hooks from one event loop.

    Takes what `StdioChannel` takes. `connect` must have run before anything is bound.
    """

    @override
    def _begin(self) -> None:
        self._pending_restart: asyncio.Task[AsyncConnection | ScaffoldError] | None = None
        self._connection: AsyncConnection | None = None

    def __repr__(self) -> str:
        return self._describe(self._connection)

    async def connect(self) -> None:
        """Start the process and open a session with it.

        Raises `ConnectFailed` if it does not start or does not answer, `ProtocolError` if it speaks
        no MCP.
        """
        running_loop()
        connection = await self._connect()
        if self._closed:  # meanwhile
            await self._end(connection)
            raise channel_closed_error()
        self._connection = connection

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Return the function that calls `hook`; raise `RuntimeNotSupported` without its tool."""
        if self._connection is None:
            raise ConnectFailed("the channel is not connected yet")
        timeout = self._timeout if hook.timeout is None else hook.timeout
        if self._connection.session.is_catalogue(hook):
            return lambda _payload: self._list(hook, timeout)
        now, said = time.monotonic, current_call_context
        bound = _PreparedCalls(self._connection, hook, timeout)

        async def call(payload: In) -> Out:
            # One coroutine that awaits no other: each additional one slows down every call.
            deadline = now() + timeout
            connection, fast_call = bound.connection, bound.fast_call
            if fast_call is not None and said() is None and connection.end is None:
                begin, finish = fast_call
                try:
                    response = begin(payload, deadline)
                    try:
                        await response
                    except BaseException:
                        connection.cancel(response.id)
                        raise
                    output: Out = finish(response)
                except PeerCrashed as error:
                    if not may_repeat(hook, error):
                        raise
                    sent = not isinstance(error, NotSent)
                    return await self._call(bound, payload, deadline, again=sent)
                else:
                    return output
            return await self._call(bound, payload, deadline)

        return call

    async def _call(
        self, bound: "_PreparedCalls[In, Out]", payload: In, deadline: float, *, again: bool = False
    ) -> Out:
        """Make a call on the plain path: with metadata, progress, functions and restarts.

        `again` says that the call was sent before, and must not be repeated once more.
        """
        while True:
            connection, call = bound.to(await self._live(deadline))
            try:
                outgoing = call.write(payload)
                answer = await connection.send_and_wait(outgoing, deadline, bound.timeout)
                output: Out = call.read(answer, outgoing.name)
            except PeerCrashed as error:
                if again or not may_repeat(bound.hook, error):
                    raise
                again = True
            else:
                return output

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.channel`."""
        if self._connection is None:
            raise ConnectFailed("the channel is not connected yet")
        timeout = self._timeout if hook.timeout is None else hook.timeout
        open_ = stream_opener(self._connection.session, hook)

        async def items(start: StartStream) -> AsyncGenerator[Out]:
            again = False
            while True:
                connection = await self._live(time.monotonic() + timeout)
                stream = start(connection.session)
                try:
                    async with aclosing(connection.stream(stream.outgoing, timeout)) as messages:
                        async for message in messages:
                            for item in stream.read(message):
                                yield item
                except PeerCrashed as error:
                    if again or stream.has_begun or not may_repeat(hook, error):
                        raise
                    again = True
                else:
                    return

        return lambda payload: items(open_(payload))

    async def aclose(self) -> None:
        """End the process: end of input, SIGTERM, SIGKILL. May be repeated.

        A cancellation is raised once the process has ended.
        """
        self._closed = True
        if self._connection is not None:
            await run_to_completion(self._close(self._connection))

    async def _close(self, connection: AsyncConnection) -> None:
        pending, self._pending_restart = self._pending_restart, None
        if pending is not None:
            pending.cancel()
            await asyncio.wait([pending])
        for one in {connection, self._connection or connection}:  # a restart may have just ended
            await one.aclose(channel_closed_error, CLOSE_GRACE_PERIOD)

    @override
    async def _live(self, deadline: float) -> AsyncConnection:
        if self._closed or self._connection is None:
            raise channel_closed_error()
        if self._connection.end is None:
            return self._connection
        if self._pending_restart is None:
            delay = self._restart_policy.count_restart(self._connection)
            self._pending_restart = asyncio.create_task(self._restart(self._connection, delay))
        pending = self._pending_restart
        done, _pending = await asyncio.wait([pending], timeout=deadline - time.monotonic())
        if not done:
            raise self._restart_policy.restart_timeout_error()
        if pending.cancelled():
            # The channel was closed during the restart. The caller's own task was not cancelled.
            raise channel_closed_error()
        outcome = pending.result()
        if isinstance(outcome, ScaffoldError):
            raise outcome
        return outcome

    async def _restart(self, old: AsyncConnection, delay: float) -> AsyncConnection | ScaffoldError:
        try:
            await old.aclose(channel_closed_error)
            await asyncio.sleep(delay)
            self._connection = await self._connect()
        except ScaffoldError as error:
            if isinstance(error, NoRoom):
                self._restart_policy.undo_restart()
            return error
        else:
            return self._connection
        finally:
            self._pending_restart = None

    @override
    def _in_fork(self) -> None:
        self._pending_restart = None

    @override
    def _start(self, session: ProtocolSession) -> AsyncConnection:
        self._starting = connection = AsyncConnection(self._launch, session, self._limit)
        return connection

    @override
    async def _send(
        self,
        connection: AsyncConnection,
        outgoing: OutgoingMessage,
        deadline: float,
        seconds: float,
    ) -> Message | None:
        return await connection.send_message(outgoing, deadline, seconds)

    @override
    async def _end(self, connection: AsyncConnection) -> None:
        await run_to_completion(connection.aclose(channel_closed_error))
