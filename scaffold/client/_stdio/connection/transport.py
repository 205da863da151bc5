"""A child process and its pipes: lines are queued and written, bytes are read and buffered.

Nothing here blocks on a pipe: output that the child does not accept is queued. Nothing here takes a
lock: after each step any thread, signal handler or exception may follow. See decision 27.
"""

import os
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from functools import partial
from threading import get_ident
from typing import Final

from scaffold._concurrency.forks import INHERITED_CONNECTION, reset_after_fork
from scaffold._concurrency.signal_safety import Turns, keep_own_turns, run_last, thread_id_of
from scaffold._concurrency.unsupported import green_thread_library
from scaffold._mcp.jsonrpc import Message, write_notification
from scaffold.client._process.descriptors import DESCRIPTORS
from scaffold.client._process.launch import Launch
from scaffold.client._process.process import Process, pauses
from scaffold.client._process.stderr_thread import StderrLog
from scaffold.client._protocol.session import OutgoingMessage, ProtocolSession
from scaffold.client._stdio.connection.response_router import Deliver, ResponseRouter
from scaffold.client._stdio.connection.write_queue import WriteQueue
from scaffold.contract._errors.errors import (
    ConnectFailed,
    PeerCrashed,
    ProtocolError,
    TransportError,
)

LIVENESS_INTERVAL: Final = 0.5
"""Seconds between checks whether the process is alive, while calls wait.

The end of the output does not always show it: a grandchild can keep the pipe open.
"""

MAX_MESSAGE_BYTES: Final = 64 << 20
"""Default for the maximum length of a message: 64 MiB."""

CLOSE_GRACE_PERIOD: Final = 2.0
"""Seconds from the end of the input to SIGTERM when the channel is closed."""

CRASH_GRACE_PERIOD: Final = 0.2
"""The same after a crash, or if the channel was not closed."""


SMALL_READ_BYTES: Final = 1 << 14
_LARGE_READ_BYTES: Final = 1 << 20
_EXIT_TIMEOUT: Final = 0.6
"""Seconds to wait for the exit status and the end of stderr."""
_RELEASE_TIMEOUT: Final = 1.0
"""Seconds to wait until other threads have left a closed connection."""

_MAX_MISSED: Final = 3
"""Missed deadlines in a row, each of a call that began after the last miss."""
_MAX_PAUSE: Final = 1.0
"""Seconds that a process may pause in the middle of a line."""


class NotSent(PeerCrashed):
    """The call was not sent, so it may be sent to a new process."""


def inherited_connection_error() -> TransportError:
    """Return the error of a call that the parent of this fork has sent; see `NotSent`."""
    return PeerCrashed(INHERITED_CONNECTION)


class HangDetector:
    """Decides when a process that misses deadlines has hung."""

    def __init__(self, router: ResponseRouter) -> None:
        self._router = router
        self._heard = time.monotonic()
        self._unfinished = 0
        self._answered = 0
        self._missed = 0
        self._last_miss = 0.0

    def note_received(self, unfinished: int) -> None:
        """Note the length of the unfinished line at the end of the output."""
        # In this order: another thread that sees the new length must see the new time.
        if unfinished > self._unfinished:
            self._heard = time.monotonic()
        self._unfinished = unfinished

    def note_missed_deadline(self, timeout: float, *, more_output: bool) -> str:
        """Note that a call missed its deadline.

        Args:
            timeout: The timeout of the call, in seconds.
            more_output: The process has written more than this host has read. A busy host is then
                as likely a cause, so only twice as many missed deadlines count as a hang.

        Returns:
            Why the process has hung, or an empty text.
        """
        now = time.monotonic()
        if (
            not more_output
            and self._unfinished
            and self._heard <= now - min(timeout / 2, _MAX_PAUSE)
        ):
            return "it stopped in the middle of a line"
        if self._answered != self._router.delivered_count:
            self._answered, self._missed = self._router.delivered_count, 0
        if not self._missed or self._last_miss <= now - timeout:
            self._missed += 1
            self._last_miss = now
        if self._missed < (2 * _MAX_MISSED if more_output else _MAX_MISSED):
            return ""
        return f"{self._missed} calls in a row had no answer"


class Transport(ABC):
    """A process that speaks MCP over its pipes."""

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
        """Progress token → the function that receives the notifications of its call."""
        self.end: Callable[[], TransportError] | None = None
        """Creates the error of all calls after the end; `None` while the connection is open."""
        self.turns: Turns = []
        """The threads that wait for responses. The first one reads."""
        self._size = SMALL_READ_BYTES
        self._hang_detector = HangDetector(self.router)
        self._released = False
        try:
            self._log = StderrLog(self.process, session.plugin)
        except BaseException:
            self.process.terminate(0.0)
            self.process.release()
            raise
        # At the exit of the interpreter, `stderr_thread` ends the process.
        self._finalizer = weakref.finalize(self, self._log.terminate_unclosed)
        self._finalizer.atexit = False
        reset_after_fork(self._in_fork)

    def notify(self, outgoing: OutgoingMessage) -> None:
        """Send a notification. A failure is ignored, because the process has ended then."""
        if self.end is None:
            try:
                self.send(write_notification(outgoing.method, outgoing.params) + b"\n")
            except OSError:
                return

    def send(self, line: bytes) -> None:
        """Queue a line, and write as much as the pipe accepts; raise `OSError`."""
        self.write_queue.append(line)
        self.sent()

    def sent(self) -> None:
        """Write the queue as far as the pipe accepts it; raise `OSError`."""
        self.write_queue.flush()

    def flush(self) -> None:
        """Write the queue as far as the pipe accepts it. A broken pipe ends the connection."""
        if self.end is None:
            try:
                self.write_queue.flush()
            except OSError:
                self.crash()

    def read(self) -> bool:
        """Read once into the buffer; return whether anything was read.

        The end of the output ends the connection.
        """
        buffer = self.router.buffer
        try:
            # One call reads and stores: see `ResponseRouter`.
            buffer.extend(map(os.read, (self._stdout,), (self._size,)))
        except BlockingIOError:
            return False
        if buffer and not buffer[-1]:
            buffer.pop()
            self.crash()
            return False
        return True

    def take(self) -> None:
        """Deliver the buffered output."""
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
        """Return how the process ended, with the last lines of its stderr.

        Yields pauses in seconds while it waits for them.
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
        """End the connection: all calls in flight and all later calls get the error."""
        if self.end is None:
            self.end = end
        # Repeated on each call: an earlier one may have been interrupted.
        end, pending = self.end, self.router.pending
        for request_id in list(pending):
            deliver = pending.get(request_id)
            if deliver is not None:
                deliver(end())
                pending.pop(request_id, None)

    def close_steps(self, grace: float = CRASH_GRACE_PERIOD) -> Generator[float]:
        """End the process of a connection that has ended. May be repeated.

        Yields the pauses in seconds.
        """
        if not self._finalizer.alive:
            return
        self.write_queue.close(self.process.close)
        try:
            yield from self.process.terminate_steps(grace)
        finally:
            # If this is interrupted, the thread that reads stderr ends the process.
            self._log.close()
            run_last(self.turns, self._release)
        self.process.reap()
        self.process.interrupt()
        for nap in pauses(_RELEASE_TIMEOUT):
            # A signal handler cannot wait for the frame below it, nor a log handler for its own
            # thread.
            if (
                self.is_used_here()
                or self._log.on_log_thread
                or (self._released and self._log.finished)
            ):
                break
            yield nap
        self._finalizer.detach()

    def is_used_here(self) -> bool:
        """Return whether a frame of this thread uses the pipes."""
        me = get_ident()
        return any(thread_id_of(turn) == me for turn in (*self.turns, *self.write_queue.turns))

    def _release(self) -> None:
        self.process.close_pipes()
        self._released = True

    def _in_fork(self) -> None:
        """Leave the process to the parent of this fork."""
        self.end = inherited_connection_error
        self._finalizer.detach()
        keep_own_turns(self.turns)
        self.write_queue.clear()
        self.router.pending.clear()
        self.reports.clear()
        if self.is_used_here():  # a signal handler has forked, and returns into a read or a write
            DESCRIPTORS.redirect_to_nothing(self._stdin, self._stdout)

    @abstractmethod
    def handle_other(self, message: Message, line: bytes) -> None:
        """Handle a notification or a request of the server."""


def _handle_if_alive(transport: "weakref.ref[Transport]", message: Message, line: bytes) -> None:
    alive = transport()
    if alive is not None:
        alive.handle_other(message, line)
