"""The channel to a plugin that is a child process, for an event loop."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Generic, TypeVar

from scaffold._concurrency.finish_cancelled import run_to_completion
from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.unsupported import running_loop
from scaffold.client._process.launch import Launch, NoRoom, Spawn
from scaffold.client._protocol.call_codecs import CallCodec, StartStream, make_codec, stream_opener
from scaffold.client._protocol.session import ProtocolSession
from scaffold.client._stdio.connection.async_connection import AsyncConnection
from scaffold.client._stdio.connection.transport import (
    CLOSE_GRACE_PERIOD,
    MAX_MESSAGE_BYTES,
    NotSent,
)
from scaffold.client._stdio.restart_policy import (
    RestartPolicy,
    Steps,
    channel_closed_error,
    describe_state,
    list_steps,
)
from scaffold.contract._context.call_context import current_call_context
from scaffold.contract._errors.errors import (
    ConnectFailed,
    PeerCrashed,
    ScaffoldError,
    TransportError,
)
from scaffold.contract._hooks.hook import Hook, Kind, StreamHook

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")


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
        limit: int = MAX_MESSAGE_BYTES,
        spawn: Spawn | None = None,
    ) -> None:
        self._launch = Launch(command, cwd, env or {}, spawn, env_inherit)
        self._restart_policy = RestartPolicy(kind, plugin)
        self._startup_timeout = startup_timeout
        self._timeout = timeout
        self._limit = limit
        self._closed = False
        self._pending_restart: asyncio.Task[AsyncConnection | ScaffoldError] | None = None
        self._starting: AsyncConnection | None = None
        self._connection: AsyncConnection | None = None
        reset_after_fork(self._in_fork)

    def __repr__(self) -> str:
        state = describe_state(self._connection, closed=self._closed)
        return f"<AsyncStdioChannel {state}>"

    async def connect(self) -> None:
        """Start the process and open a session with it.

        Raises `ConnectFailed` if it does not start or does not answer, `ProtocolError` if it speaks
        no MCP.
        """
        running_loop()
        connection = await self._connect()
        if self._closed:  # meanwhile
            await run_to_completion(connection.aclose(channel_closed_error))
            raise channel_closed_error()
        self._connection = connection

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Return the function that calls `hook`; raise `RuntimeNotSupported` without its tool."""
        if self._connection is None:
            raise ConnectFailed("the channel is not connected yet")
        timeout = self._timeout if hook.timeout is None else hook.timeout
        if self._connection.session.is_catalogue(hook):
            return lambda _payload: self._list(hook, timeout)
        repeatable = hook.idempotent or hook.read_only
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
                    if not (repeatable or isinstance(error, NotSent)):
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
        repeatable = bound.hook.idempotent or bound.hook.read_only
        while True:
            connection, call = bound.to(await self._live_connection(deadline))
            try:
                outgoing = call.write(payload)
                answer = await connection.send_and_wait(outgoing, deadline, bound.timeout)
                output: Out = call.read(answer, outgoing.name)
            except PeerCrashed as error:
                if again or not (repeatable or isinstance(error, NotSent)):
                    raise
                again = True
            else:
                return output

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.channel`."""
        if self._connection is None:
            raise ConnectFailed("the channel is not connected yet")
        timeout = self._timeout if hook.timeout is None else hook.timeout
        repeatable = hook.idempotent or hook.read_only
        open_ = stream_opener(self._connection.session, hook)

        async def items(start: StartStream) -> AsyncGenerator[Out]:
            again = False
            while True:
                connection = await self._live_connection(time.monotonic() + timeout)
                stream = start(connection.session)
                try:
                    async with aclosing(connection.stream(stream.outgoing, timeout)) as messages:
                        async for message in messages:
                            for item in stream.read(message):
                                yield item
                except PeerCrashed as error:
                    safe = repeatable or isinstance(error, NotSent)
                    if again or stream.has_begun or not safe:
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

    async def _list(self, hook: Hook[Any, Out], seconds: float) -> Out:
        """Return the output of a catalog hook: the functions that the server lists now."""
        deadline = time.monotonic() + seconds
        connection = await self._live_connection(deadline)
        try:
            await _perform(list_steps(connection), deadline, seconds)
        except PeerCrashed:
            connection = await self._live_connection(deadline)
            await _perform(list_steps(connection), deadline, seconds)
        return hook.output.load(connection.session.catalogue(hook))

    async def _live_connection(self, deadline: float) -> AsyncConnection:
        """Return the open connection; restart the process if the last one has ended."""
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

    def _in_fork(self) -> None:
        """Forget the parent's restart. The next call connects on the loop of the fork."""
        self._pending_restart = None

    async def _connect(self) -> AsyncConnection:
        """Start a process and open a session with it."""
        timeout = self._startup_timeout
        steps = self._restart_policy.open_steps(self._start)
        try:
            return await _perform(steps, time.monotonic() + timeout, timeout)
        except BaseException:
            if self._starting is not None:
                await run_to_completion(self._starting.aclose(channel_closed_error))
            raise

    def _start(self, session: ProtocolSession) -> AsyncConnection:
        self._starting = connection = AsyncConnection(self._launch, session, self._limit)
        return connection


async def _perform(steps: Steps[AsyncConnection, T], deadline: float, seconds: float) -> T:
    """Send each message of the steps, and give them its response; return their result."""
    try:
        connection, outgoing = next(steps)
        while True:
            answer = None
            try:
                if outgoing is None:
                    await connection.aclose(channel_closed_error)
                else:
                    answer = await connection.send_message(outgoing, deadline, seconds)
            except TransportError as error:
                connection, outgoing = steps.throw(error)
            else:
                connection, outgoing = steps.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result
