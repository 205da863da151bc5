"""The stdio server of a plugin whose hooks are all plain functions: threads, no event loop.

One thread holds the reader lease: it reads, runs each hook and writes the responses. A watchdog
thread revokes the lease when a line takes longer than a few milliseconds, and becomes the reader.
The slow thread finishes its call alone. So a fast hook needs no switch of threads, and a slow hook
does not block other calls.
"""

import os
import threading
import time
from collections import deque
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from scaffold._concurrency.locks import Rank, lock
from scaffold._mcp.jsonrpc import JsonRpcError, write_error_response
from scaffold.server._process.descriptors import StdioDescriptors
from scaffold.server._process.shutdown import Shutdown
from scaffold.server._protocol.calls import Call
from scaffold.server._protocol.hook_steps import await_if_needed
from scaffold.server._protocol.service import Service
from scaffold.server._protocol.streams import StreamCall
from scaffold.server._stdio.session import LineSplitter, StdioSession, UnparsedCall
from scaffold.server._stdio.stdout_writer import StdoutWriter

if TYPE_CHECKING:
    from scaffold.server._protocol.stream_threads import StreamPool

_TICK: Final = 0.004
"""Seconds between two checks of the watchdog: a hook keeps the lease for one or two of them."""
_IDLE_TICKS: Final = 25
"""Ticks without work after which the watchdog sleeps until the next line."""
_MAX_SLOW_CALLS: Final = 64
"""Slow calls that run at the same time; further calls wait for one of them."""
_NEWLINE: Final = ord("\n")
_TAIL: Final = b"}}\n"
"""The end of a chunk that is exactly one call."""


class ReaderLease:
    """The right of one thread to read stdin, until the watchdog revokes it.

    It cannot be revoked while its thread reads. While the thread processes a line, the line is in
    the list `current_line`: the thread pops it when it is done, the watchdog to revoke the lease.
    `list.pop` is atomic, so exactly one of them gets the line, and with it the lease.
    """

    __slots__ = ("current_line", "revoked_for")

    def __init__(self) -> None:
        self.current_line: list[bytes] = []
        """The line that the thread processes; empty while it reads, and after a revocation."""
        self.revoked_for: UnparsedCall | None = None
        """The call during which the lease was revoked, if it was not parsed in full."""

    def peek(self) -> bytes | None:
        """Return the line that the thread processes. For other threads."""
        try:
            return self.current_line[0]
        except IndexError:
            return None

    def revoke(self) -> bytes | None:
        """Revoke the lease and return the current line; `None` if the thread processes none."""
        try:
            return self.current_line.pop()
        except IndexError:
            return None


class ThreadedStdioServer:
    """Serves one client over pipes until the input ends."""

    def __init__(
        self, service: Service, descriptors: StdioDescriptors, max_message_bytes: int
    ) -> None:
        self._input = descriptors.input
        self.shutdown = Shutdown(self._drain, partial(_tear_down, service), orphan_ends=True)
        self._writer = StdoutWriter(descriptors.output, self.shutdown.start_shutdown)
        self._session = StdioSession(service, self._writer, max_message_bytes, _ignore_cancellation)
        self._framing = LineSplitter(max_message_bytes)
        self._lines: deque[bytes] = deque()
        """Lines that were read and not processed. Only the thread with the lease uses it."""
        self._lock = lock(Rank.READER)
        self._lease = ReaderLease()
        self._slow_calls = 0
        self._waiting: deque[Call] = deque()
        self._idle_ticks = 0
        """Ticks since the last line."""
        self._wake_event = threading.Event()
        self._input_ended = False
        """True if the input has ended and all lines were processed."""

    def run(self) -> None:
        """Serve; return when the process may exit."""
        self._start_watchdog()
        self._serve(self._lease)
        self.shutdown.wait()

    def _serve(self, lease: ReaderLease) -> None:
        """Read lines and respond to them, until the input ends or the lease is revoked.

        The usual case is one line that matches a message template. All work for it is here, in
        `TemplateCache.split`, `ToolResponder.fast_respond` and `StdoutWriter.write`. The code is
        cold when a call arrives, so each further function call is measurable.
        """
        current_line, lines, framing = lease.current_line, self._lines, self._framing
        split, enqueue, write = (
            self._session.templates.split,
            self._writer.enqueue,
            self._writer.write,
        )
        read, descriptor, max_slow_calls = os.read, self._input, _MAX_SLOW_CALLS
        while not self._input_ended:
            if lines:
                line = lines.popleft()
                parts = split(line)
            else:
                try:
                    line = read(descriptor, framing.read_size)
                except OSError:
                    line = b""
                if self._idle_ticks:
                    self._wake_watchdog()
                parts = None if framing.partial_bytes else split(line, _TAIL)
                if parts is None or _NEWLINE in parts[1]:
                    self._feed(line)
                    continue
            current_line.append(line)
            response = None
            if parts is not None and self._slow_calls < max_slow_calls:
                digits, payload, responder = parts
                try:
                    response = responder.fast_respond(digits, payload, _TAIL)
                except JsonRpcError as error:
                    response = write_error_response(error, int(digits)) + b"\n"
            if response is None or not current_line:
                self._finish_line(lease, line, response)
            else:
                (enqueue if lines else write)(response)
            try:
                current_line.pop()
            except IndexError:
                self._finish_waiting_calls(lease)
                return
        self.shutdown.start_shutdown()

    def _feed(self, chunk: bytes) -> None:
        """Split a chunk that is not exactly one line with a template; empty is the end of input."""
        self._lines += self._framing.feed(chunk) if chunk else self._framing.end()
        self._input_ended = not (chunk or self._lines)

    def _finish_line(self, lease: ReaderLease, line: bytes, response: bytes | None) -> None:
        """Handle a line that the fast path declined, or during which the lease was revoked."""
        if response is None:
            self._handle_line(line)
        else:
            self._respond_late(lease, response)

    def _handle_line(self, line: bytes) -> None:
        """The plain path: parse a line in full, and run its call."""
        call = self._session.handle_line(line)
        if isinstance(call, StreamCall):
            self._streams.start(call, self._send, partial(self._end_stream, call))
        elif call is not None and not self._postpone(call):
            self._session.remember_template(line, call)
            self._run_call(call)
        if not self._lines:
            self._writer.flush()

    def _respond_late(self, lease: ReaderLease, response: bytes) -> None:
        """Respond to a call during which the lease was revoked."""
        with self._lock:
            call = lease.revoked_for
        if call is None:
            self._writer.enqueue(response)
        else:
            self._session.respond(call, response[:-1])

    @cached_property
    def _streams(self) -> "StreamPool":
        from scaffold.server._protocol.stream_threads import StreamPool

        return StreamPool()

    def _end_stream(self, call: StreamCall, response: bytes) -> None:
        self._session.respond(call, response)
        self._writer.flush()

    def _run_call(self, call: Call) -> None:
        self._session.respond(call, call.run(self._send))

    def _send(self, message: bytes) -> None:
        """Send a message of a call."""
        self._writer.write(message + b"\n")

    def _postpone(self, call: Call) -> bool:
        """Queue a call if the maximum of slow calls is running; return whether it was queued."""
        if self._slow_calls < _MAX_SLOW_CALLS:
            return False
        with self._lock:
            if self._slow_calls < _MAX_SLOW_CALLS:
                return False
            self._waiting.append(call)
            return True

    def _finish_waiting_calls(self, lease: ReaderLease) -> None:
        """Without the lease: run the calls that wait for a free thread."""
        with self._lock:
            if lease.revoked_for is not None:
                self._session.remove(lease.revoked_for)
        while True:
            self._writer.flush()
            with self._lock:
                if not self._waiting:
                    self._slow_calls -= 1
                    return
                call = self._waiting.popleft()
            self._run_call(call)

    def _start_watchdog(self) -> None:
        threading.Thread(target=self._watch_reader, name="watcher", daemon=True).start()

    def _watch_reader(self) -> None:
        """Revoke the lease of a thread that processes one line for a whole tick, and read on."""
        seen: bytes | None = None
        while True:
            time.sleep(_TICK)
            now = self._lease.peek()
            if now is not None and now is seen and self._slow_calls < _MAX_SLOW_CALLS:
                # The next watchdog comes first: without room for a thread, this one goes on, and
                # the slow thread keeps its lease.
                with suppress(RuntimeError):
                    self._start_watchdog()
                    break
            seen = now
            self._idle_ticks = 0 if now is not None else self._idle_ticks + 1
            if self._idle_ticks > _IDLE_TICKS:
                self._sleep_until_woken()
        lease = self._revoke_lease()
        if lease is None:
            return
        lease.current_line.append(now)
        self._writer.flush()
        if lease.revoke() is None:
            self._finish_waiting_calls(lease)
        else:
            self._serve(lease)

    def _revoke_lease(self) -> ReaderLease | None:
        """Revoke the lease of a slow thread, unless too many calls are slow; return a new lease."""
        with self._lock:
            line = self._lease.revoke() if self._slow_calls < _MAX_SLOW_CALLS else None
            if line is None:
                return None
            self._slow_calls += 1
            self._lease.revoked_for = self._session.track_unparsed(line)
            self._lease = ReaderLease()
            return self._lease

    def _wake_watchdog(self) -> None:
        self._idle_ticks = 0
        self._wake_event.set()

    def _sleep_until_woken(self) -> None:
        self._wake_event.clear()
        if self._idle_ticks:
            self._wake_event.wait()

    def _drain(self, timeout: float) -> None:
        """Wait for the calls under way, but no longer than `timeout` seconds."""
        end = time.monotonic() + timeout
        self._session.cancel_streams()
        while (self._session.running or self._lease.current_line) and time.monotonic() < end:
            time.sleep(_TICK)
        self._writer.flush()
        self._writer.wait_idle(max(0.0, end - time.monotonic()))


def _ignore_cancellation(_call: Call) -> None:
    """Do nothing: a plain function cannot be stopped. Its response is discarded."""


def _tear_down(service: Service) -> None:
    pending = service.tear_down()
    if pending is not None:
        import asyncio

        asyncio.run(await_if_needed(pending))
