"""A child process and its pipes: lines are queued and written, bytes are read and kept.

Nothing here blocks on the pipes: what the child does not take at once is kept and sent later. And
nothing here takes a lock: each step leaves the transport in a state that any other thread, signal
handler or exception may meet. See decision 27.
"""

import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from functools import partial
from threading import get_ident
from typing import Final

from msgspec import UNSET

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.turns import Turns, run_last, thread_id_of
from scaffold._concurrency.unsupported import green_thread_library
from scaffold._mcp.jsonrpc import (
    JsonRpcError,
    Message,
    write_error_response,
    write_notification,
    write_response,
)
from scaffold._mcp.progress import read_progress
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold.client._process.launch import Launch
from scaffold.client._process.process import Process
from scaffold.client._process.stderr_log import StderrLog
from scaffold.client._process.waits import pauses
from scaffold.client._protocol.session import OutgoingMessage, ProtocolSession
from scaffold.client._stdio.connection.hang_detector import HangDetector
from scaffold.client._stdio.connection.response_router import Deliver, ResponseRouter
from scaffold.client._stdio.connection.write_queue import WriteQueue
from scaffold.contract._errors.errors import (
    ConnectFailed,
    PeerCrashed,
    ProtocolError,
    TransportError,
)

__all__ = [
    "CLOSE_GRACE_PERIOD",
    "CRASH_GRACE_PERIOD",
    "LIVENESS_INTERVAL",
    "MAX_MESSAGE_BYTES",
    "SMALL_READ_BYTES",
    "NotSent",
    "Transport",
    "inherited_connection_error",
]

LIVENESS_INTERVAL: Final = 0.5
"""Seconds between looks at whether the process lives, while calls wait: the end of its output may
not show it, because something that it started holds the pipe."""

MAX_MESSAGE_BYTES: Final = 64 << 20
"""The longest message that is read unless the host says otherwise: 64 MiB."""

CLOSE_GRACE_PERIOD: Final = 2.0
"""Seconds that a process gets to end after the end of its input, when the channel is closed."""

CRASH_GRACE_PERIOD: Final = 0.2
"""The same, when the process has failed, or nobody closed the channel."""


SMALL_READ_BYTES: Final = 1 << 14
_LARGE_READ_BYTES: Final = 1 << 20
_EXIT_TIMEOUT: Final = 0.6
"""Seconds that the exit status and the end of stderr are waited for."""
_RELEASE_TIMEOUT: Final = 1.0
"""Seconds that the threads get to leave a connection that was closed."""


class NotSent(PeerCrashed):
    """The process had ended before any of the call was sent: it may be sent to another."""


def inherited_connection_error() -> TransportError:
    """Return the error of a call on a connection that belongs to the process that has forked."""
    return NotSent("the connection belongs to the process that this one was forked from")


class Transport(ABC):
    """A process that speaks MCP on its pipes."""

    def __init__(self, launch: Launch, session: ProtocolSession, limit: int) -> None:
        world = green_thread_library()
        if world:
            raise ConnectFailed(
                f"{world} has replaced the threads of this process, and plugins over stdio need "
                "real ones: use the plugin over HTTP, or load it in a process without "
                f"{world}'s monkey patching"
            )
        self.session = session
        self.process = Process(launch)
        self._stdin, self._stdout = self.process.stdin, self.process.stdout
        other = partial(_handle_if_alive, weakref.ref(self))
        self.router = ResponseRouter(session.plugin, limit, other, session.templates)
        self.write_queue = WriteQueue(self._stdin)
        self.reports: dict[int, Deliver] = {}
        """Progress token → who hears of it, until the call is over."""
        self.end: Callable[[], TransportError] | None = None
        """Makes the error of every further call, once the connection has ended."""
        self.turns: Turns = []
        """Those who wait for answers, of which the first reads the output."""
        self._size = SMALL_READ_BYTES
        self._hang_detector = HangDetector(self.router)
        self._released = False
        try:
            self._log = StderrLog(self.process, session.plugin)
        except BaseException:
            self.process.terminate(0.0)
            self.process.release()
            raise
        # The interpreter's exit is the business of the log.
        self._finalizer = weakref.finalize(self, self._log.terminate_unclosed)
        self._finalizer.atexit = False
        reset_after_fork(self._in_fork)

    def notify(self, outgoing: OutgoingMessage) -> None:
        """Send a notification; a process that is gone misses nothing."""
        if self.end is None:
            try:
                self.send(write_notification(outgoing.method, outgoing.params) + b"\n")
            except OSError:
                return

    def send(self, line: bytes) -> None:
        """Queue a message and its end of line, and write what the pipe takes; raise `OSError`."""
        self.write_queue.append(line)
        self.sent()

    def sent(self) -> None:
        """Write what was queued, as far as the pipe takes it; raise `OSError`."""
        self.write_queue.flush()

    def flush(self) -> None:
        """Write what was kept, as far as the pipe takes it."""
        if self.end is None:
            try:
                self.write_queue.flush()
            except OSError:
                self.crash()

    def read(self) -> bool:
        """Read once, into the inbox; tell whether anything came.

        The end of the output ends the connection.
        """
        buffer = self.router.buffer
        try:
            # One call reads and keeps what was read: see `ResponseRouter`.
            buffer.extend(map(os.read, (self._stdout,), (self._size,)))
        except BlockingIOError:
            return False
        if buffer and not buffer[-1]:
            buffer.pop()
            self.crash()
            return False
        return True

    def take(self) -> None:
        """Deliver what was read, if anything was."""
        router = self.router
        try:
            router.deliver()
        except ProtocolError as error:
            reason = str(error)
            self.fail(lambda: ProtocolError(reason))
        unfinished = router.buffer.searched[1]
        self._hang_detector.note_received(unfinished)
        self._size = _LARGE_READ_BYTES if unfinished else SMALL_READ_BYTES

    @abstractmethod
    def crash(self) -> None:
        """End the connection, because the process has ended or has closed a pipe."""

    def describe_exit(self) -> Generator[float, None, str]:
        """Say how the process ended, with the last lines of its stderr.

        Yields how many seconds to wait before it looks again, for a moment.
        """
        for nap in pauses(_EXIT_TIMEOUT):
            if self.process.exited() and self._log.all_logged:
                break
            yield nap
        ended = self.process.exited()
        words = self._log.tail()
        how = f"the process ended ({self.process.status})"
        if not ended:
            how = "the process closed its input or output"
        error = f"{self.session.plugin}: {how}{self.router.remarks}"
        return f"{error}; its last lines:\n{words}" if words else error

    def fail(self, end: Callable[[], TransportError]) -> None:
        """End the connection: every call in flight, and every further one, gets the error."""
        if self.end is None:
            self.end = end
        # Again, if the thread that was here before was interrupted.
        end, pending = self.end, self.router.pending
        for request_id in list(pending):
            deliver = pending.get(request_id)
            if deliver is not None:
                deliver(end())
                pending.pop(request_id, None)

    def close_steps(self, grace: float = CRASH_GRACE_PERIOD) -> Generator[float]:
        """End the process of a connection that has ended. May be repeated.

        Yields how many seconds to wait before the next step.
        """
        if not self._finalizer.alive:
            return
        self.write_queue.close(self.process.close)
        try:
            yield from self.process.terminate_steps(grace)
        finally:
            # The thread of the log goes on with it, should this be interrupted.
            self._log.close()
            run_last(self.turns, self._release)
        self.process.reap()
        self.process.interrupt()
        for nap in pauses(_RELEASE_TIMEOUT):
            # A signal handler cannot wait for the frame below it, nor a log handler for itself.
            if (
                self.is_used_here()
                or self._log.on_log_thread
                or (self._released and self._log.finished)
            ):
                break
            yield nap
        self._finalizer.detach()

    def is_used_here(self) -> bool:
        """Tell whether a frame of this thread uses the pipes."""
        me = get_ident()
        return any(thread_id_of(turn) == me for turn in (*self.turns, *self.write_queue.turns))

    def _release(self) -> None:
        self.process.close_pipes()
        self._released = True

    def _in_fork(self) -> None:
        """Leave the process to the host, of which this process is a fork."""
        self.end = inherited_connection_error
        self._finalizer.detach()
        self.turns.clear()
        self.write_queue.clear()
        self.router.pending.clear()
        self.reports.clear()

    def handle_other(self, message: Message, line: bytes) -> None:
        """Pass on progress; answer a legacy server's requests, of which a ping is all it can do."""
        if message.method == "notifications/progress" and self.reports:
            progress = read_progress(line)
            deliver = self.reports.get(progress.token) if progress is not None else None
            if deliver is not None:
                deliver(progress)
            return
        if message.id is UNSET or message.id is None or self.session.modern:
            return
        if message.method == "ping":
            reply = write_response(message.id, b"{}")
        else:
            refusal = JsonRpcError(ErrorCode.METHOD_NOT_FOUND, f"no method '{message.method}' here")
            reply = write_error_response(refusal, message.id)
        if self.end is None:
            try:
                self.send(reply + b"\n")
            except OSError:
                return


def _handle_if_alive(transport: "weakref.ref[Transport]", message: Message, line: bytes) -> None:
    alive = transport()
    if alive is not None:
        alive.handle_other(message, line)
