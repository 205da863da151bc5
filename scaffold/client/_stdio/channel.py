"""The channel to a plugin that is a child process, for threads."""

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from typing import Final, NoReturn, TypeVar

from typing_extensions import override

from scaffold._concurrency.blocking_coroutines import run
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold._concurrency.signal_safety import ResultTimeout, SignalSafeFuture
from scaffold._mcp.jsonrpc import Message
from scaffold.client._process.launch import NoRoom
from scaffold.client._process.process import pauses
from scaffold.client._protocol.call_codecs import StartStream, make_codec, stream_opener
from scaffold.client._protocol.session import OutgoingMessage, ProtocolSession
from scaffold.client._stdio.connection.sync_connection import SyncConnection
from scaffold.client._stdio.connection.transport import (
    CLOSE_GRACE_PERIOD,
)
from scaffold.client._stdio.restart_policy import (
    channel_closed_error,
)
from scaffold.client._stdio.shared_channel import SharedStdioChannel, may_repeat
from scaffold.contract._errors.errors import PeerCrashed, ScaffoldError
from scaffold.contract._hooks.hook import Hook, StreamHook

In = TypeVar("In")
Out = TypeVar("Out")

_RESTART_GRACE: Final = 2.0
"""Seconds that `close` waits for a restart in progress."""


class StdioChannel(SharedStdioChannel[SyncConnection]):
    """Starts a plugin's process and calls its hooks; any thread may call.

    `env` comes on top of the host's variables, or of those that `env_inherit` names.
    `startup_timeout` and `timeout` are seconds, the latter for hooks without one of their own;
    `limit` is the longest message in bytes. Raises `ConnectFailed` if the process does not start or
    does not answer, `ProtocolError` if it speaks no MCP.
    """

    @override
    def _begin(self) -> None:
        self._lock = reentrant_lock(Rank.CHANNEL)
        """Held by a thread that begins a restart. The thread does not wait while it holds it."""
        self._pending_restart: SignalSafeFuture[SyncConnection] | None = None
        self._restart_thread: threading.Thread | None = None
        self._connection = run(self._connect)

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Return the function that calls `hook`; raise `RuntimeNotSupported` without its tool."""
        timeout = self._timeout if hook.timeout is None else hook.timeout
        if self._connection.session.is_catalogue(hook):
            return lambda _payload: run(self._list, hook, timeout)
        now = time.monotonic
        bound = self._caller(self._connection, hook, timeout)

        def call(payload: In) -> Out:
            nonlocal bound
            deadline = now() + timeout
            connection, fast_call = bound
            if connection is not self._connection or connection.end is not None:
                bound = connection, fast_call = self._caller(
                    self._live_connection(deadline), hook, timeout
                )
            try:
                return fast_call(payload, deadline)
            except PeerCrashed as error:
                if not may_repeat(hook, error):
                    raise
            bound = connection, fast_call = self._caller(
                self._live_connection(deadline), hook, timeout
            )
            return fast_call(payload, deadline)

        return call

    def __repr__(self) -> str:
        return self._describe(self._connection)

    def _caller(
        self, connection: SyncConnection, hook: Hook[In, Out], timeout: float
    ) -> tuple[SyncConnection, Callable[[In, float], Out]]:
        codec = make_codec(connection.session, hook)
        return connection, connection.caller(codec, timeout)

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.channel`."""
        timeout = self._timeout if hook.timeout is None else hook.timeout
        open_ = stream_opener(self._connection.session, hook)

        def items(start: StartStream) -> Generator[Out]:
            again = False
            while True:
                connection = self._live_connection(time.monotonic() + timeout)
                stream = start(connection.session)
                try:
                    with contextlib.closing(
                        connection.stream(stream.outgoing, timeout)
                    ) as messages:
                        for message in messages:
                            yield from stream.read(message)
                except PeerCrashed as error:
                    if again or stream.has_begun or not may_repeat(hook, error):
                        raise
                    again = True
                else:
                    return

        return lambda payload: items(open_(payload))

    def close(self) -> None:
        """End the process: end of input, SIGTERM, SIGKILL. May be repeated.

        A signal handler may call it in the middle of any other call. It takes about as long as the
        process does, ten seconds at most.
        """
        self._closed = True
        (self._starting or self._connection).fail(channel_closed_error)
        for nap in pauses(_RESTART_GRACE):
            # A restart that is slower than that sees that the channel is closed, and ends itself.
            if self._pending_restart is None or self._restarts_here():
                break
            time.sleep(nap)
        for connection in (self._starting or self._connection, self._connection):
            connection.fail(channel_closed_error)
            connection.close(CLOSE_GRACE_PERIOD)

    def _restarts_here(self) -> bool:
        """Return whether this thread runs the restart, in a log handler that closes the channel."""
        return self._restart_thread is threading.current_thread()

    def _live_connection(self, deadline: float) -> SyncConnection:
        """Return the open connection; restart the process if the last one has ended."""
        connection = self._connection
        if connection.end is None:
            return connection
        with self._lock:
            if self._closed:
                raise channel_closed_error()
            if self._connection.end is None:
                return self._connection
            pending = self._pending_restart or self._begin_restart()
        try:
            return pending.result(deadline - time.monotonic())
        except ResultTimeout:
            raise self._restart_policy.restart_timeout_error() from None

    def _begin_restart(self) -> SignalSafeFuture[SyncConnection]:
        """Restart in another thread, because a restart can take longer than the caller may wait.

        Raises `NoRoom` if the host cannot start another thread.
        """
        delay = self._restart_policy.count_restart(self._connection)
        pending: SignalSafeFuture[SyncConnection] = SignalSafeFuture()
        thread = threading.Thread(target=self._restart, args=(pending, delay), daemon=True)
        # Set before the thread runs, because the thread resets both when it has finished. If the
        # thread
        # cannot be started, or the start is interrupted, this function resets them.
        self._pending_restart, self._restart_thread = pending, thread
        try:
            thread.start()
        except BaseException as error:
            if not thread.is_alive():
                self._pending_restart = None
            if isinstance(error, RuntimeError):
                self._restart_policy.undo_restart()
                raise NoRoom(f"the plugin cannot be restarted: {error}") from None
            raise
        return pending

    def _restart(self, pending: SignalSafeFuture[SyncConnection], delay: float) -> None:
        try:
            self._connection.close()
            for nap in pauses(delay):
                if not self._closed:
                    time.sleep(nap)
            self._connection = connection = run(self._connect)
            # `close` and this function can run at the same time: the later one ends the process.
            if self._closed:
                connection.fail(channel_closed_error)
                connection.close()
        except ScaffoldError as error:
            if isinstance(error, NoRoom):
                self._restart_policy.undo_restart()
            self._finish_restart(pending, error)
        except BaseException as error:
            self._finish_restart(pending, error)
            raise
        else:
            self._finish_restart(pending, None)

    def _finish_restart(
        self, pending: SignalSafeFuture[SyncConnection], error: BaseException | None
    ) -> None:
        self._pending_restart = None
        connection = self._connection
        if error is None and connection.end is not None:
            error = connection.end()
        pending.settle(lambda: connection if error is None else _fail(error))

    @override
    def _in_fork(self) -> None:
        self._lock = reentrant_lock(Rank.CHANNEL)
        self._pending_restart = None

    @override
    def _start(self, session: ProtocolSession) -> SyncConnection:
        if self._closed:
            raise channel_closed_error()
        self._starting = connection = SyncConnection(self._launch, session, self._limit)
        return connection

    @override
    async def _live(self, deadline: float) -> SyncConnection:
        return self._live_connection(deadline)

    @override
    async def _send(
        self,
        connection: SyncConnection,
        outgoing: OutgoingMessage,
        deadline: float,
        seconds: float,
    ) -> Message | None:
        return connection.send_message(outgoing, deadline, seconds)

    @override
    async def _end(self, connection: SyncConnection) -> None:
        connection.fail(channel_closed_error)
        connection.close()


def _fail(error: BaseException) -> NoReturn:
    raise error
