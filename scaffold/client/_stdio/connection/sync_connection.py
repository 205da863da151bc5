"""A connection for threads: a thread that calls reads its own response.

If several threads wait, the first in the queue reads for all: see decision 27. A wait never exceeds
its deadline.
"""

import os
import time
from collections.abc import Callable, Generator
from functools import partial
from queue import SimpleQueue
from threading import get_ident
from typing import Any

from scaffold._concurrency.locks import no_lock_held
from scaffold._concurrency.signal_safety import wake_first
from scaffold._mcp.jsonrpc import Message
from scaffold._mcp.message_templates import TemplateMatch
from scaffold._mcp.notifications import Progress
from scaffold.client._protocol.call_codecs import LOAD_ERRORS, CallCodec
from scaffold.client._protocol.session import OutgoingMessage
from scaffold.client._stdio.connection.calls_in_flight import PROBE_TIMEOUT, StreamWindow
from scaffold.client._stdio.connection.response_router import Response, message_or_error
from scaffold.client._stdio.connection.shared_reading import (
    CHECK_INTERVAL,
    WATCHDOG,
    SharedReading,
    take,
)
from scaffold.client._stdio.connection.transport import LIVENESS_INTERVAL, SMALL_READ_BYTES, NotSent
from scaffold.contract._context.call_context import current_call_context
from scaffold.contract._errors.errors import ProtocolError
from scaffold.contract._payload.codecs import LONG_TEXT_BYTES, NON_FINITE_CAPITALS


class SyncConnection(SharedReading):
    """A connection whose calls block the calling thread."""

    def send_message(
        self, outgoing: OutgoingMessage, deadline: float, timeout: float
    ) -> Message | None:
        """Send a message of the session; return its response, or `None` if there is none."""
        if not outgoing.expects_response:
            self.notify(outgoing)
            return None
        if not outgoing.is_probe:
            return message_or_error(self.send_and_wait(outgoing, deadline, timeout))
        slot: SimpleQueue[Response] = SimpleQueue()
        request_id = self._send_request(outgoing, slot)
        now = time.monotonic()
        answer = None
        while answer is None and now < deadline:
            wait_seconds = min(PROBE_TIMEOUT, deadline - now)
            answer = self._wait(slot, now + wait_seconds, wait_seconds)
            now = time.monotonic()
            if not self.process.unread_input():
                # The server has read the probe and is silent, which shows an old server.
                break
        self.router.pending.pop(request_id, None)
        if answer is None and now >= deadline:
            raise self.timeout_error(request_id, outgoing, timeout)
        return None if isinstance(answer, ProtocolError) else message_or_error(answer)

    def caller(self, call: CallCodec, timeout: float) -> Callable[[Any, float], Any]:
        """Return the function that calls a hook, given a payload and a deadline.

        It is the plain path, `call`, or a fast path that may decline in favour of it. This is the
        only place that chooses.
        """
        plain_call = partial(self.call, call, timeout)
        if not (call.has_fast_path and self.fast_paths):
            return plain_call
        return self._fast_caller(call, timeout, plain_call)

    def _fast_caller(
        self, call: CallCodec, timeout: float, plain_call: Callable[[Any, float], Any]
    ) -> Callable[[Any, float], Any]:
        """Return the fast path of a hook.

        It declines, before it has sent anything, if another thread waits, lines are
        queued, or the call has metadata. It reads once, and expects exactly its own response. If
        something else arrives, the response gets a slot and is awaited as on the plain path. All
        objects are captured as locals: each attribute and function more is measurable between two
        process switches. Raises as `send_and_wait` does.
        """
        send, take_lone_response, load_short, said = (
            self.fast_sender(call),
            self.router.take_lone_response,
            call.load_short,
            current_call_context,
        )
        load, (n, i) = call.load, NON_FINITE_CAPITALS
        router, pending, unsent = self.router, self.router.pending, self.write_queue.unsent
        readers, watched_read, watch, alone = self.turns, self._watched_read, WATCHDOG, 1
        enter, leave, identity = readers.append, readers.remove, get_ident
        read, source, most = os.read, (self.process.stdout,), (SMALL_READ_BYTES,)
        blocks, poll = self._blocks and timeout > 2 * CHECK_INTERVAL, self._readable.poll
        wait_seconds = int(min(timeout, LIVENESS_INTERVAL) * 1000)

        def fast_call(payload: Any, deadline: float) -> Any:
            if readers or pending or unsent or said() is not None:
                return plain_call(payload, deadline)
            slot = found = None
            number, turn = 0, identity()
            try:
                enter(turn)
                if len(readers) == alone:
                    number = send(payload, None)
                    watched = blocks and (not watch.is_idle or watch.ensure_running())
                    if not unsent and (watched or poll(wait_seconds)):
                        # One call reads and stores: see `ResponseRouter`.
                        router.buffer.extend(map(read, source, most))
                    watched_read.request_id = 0
                    found = take_lone_response(number)
                    if found is None:
                        slot = self._slot_for(number)
            except BaseException as error:
                self._abort_fast_call(turn, number, error)
                raise
            finally:
                leave(turn)
                if readers:
                    wake_first(readers)
            if found is None:
                return (
                    plain_call(payload, deadline)
                    if slot is None
                    else call.read(
                        self._await(number, slot, call.plain_message(b""), deadline, timeout)
                    )
                )
            output, line = found
            try:
                plain = len(output) < LONG_TEXT_BYTES and n not in output and i not in output
                return (load_short if plain else load)(output)
            except LOAD_ERRORS:
                return call.read(TemplateMatch(number, True, output, line))

        return fast_call

    def _abort_fast_call(self, turn: int, number: int, error: BaseException) -> None:
        """Cancel a call of the fast path that may have been sent, as `number` if that is known."""
        if self.turns[:1] == [turn]:  # else another thread reads
            number = number or self._watched_read.request_id
            self._watched_read.request_id = 0
        if isinstance(error, NotSent):
            raise self._not_sent() from None
        self.cancel_lone(number)

    def _slot_for(self, request_id: int) -> "SimpleQueue[Response]":
        """Return the slot for the response to a sent request; deliver the buffered output."""
        slot: SimpleQueue[Response] | None = self._lent_slots.pop(request_id, None)
        if slot is None:
            slot = SimpleQueue[Response]()
            self.router.pending[request_id] = slot.put
        buffer = self.router.buffer
        if buffer and not buffer[-1]:
            self.crash()
        if self.end is not None:
            raise self.end()
        self.take()
        return slot

    def call(self, call: CallCodec, timeout: float, payload: Any, deadline: float) -> Any:
        """Make a call on the plain path: with metadata, progress and functions."""
        outgoing = call.write(payload)
        return call.read(self.send_and_wait(outgoing, deadline, timeout), outgoing.name)

    def send_and_wait(
        self, outgoing: OutgoingMessage, deadline: float, timeout: float
    ) -> Message | TemplateMatch[bool]:
        """Send a request; return its response before `deadline`, `timeout` seconds after its start.

        Raises `NotSent`, `PeerCrashed`, `DeadlineExceeded` or `ProtocolError`.
        """
        slot: SimpleQueue[Response] = SimpleQueue()
        try:
            request_id = self._send_request(outgoing, slot)
            return self._await(request_id, slot, outgoing, deadline, timeout)
        except BaseException:
            self.reports.pop(outgoing.token, None)
            self.cancel_all(slot.put)
            raise

    def _send_request(self, outgoing: OutgoingMessage, slot: "SimpleQueue[Response]") -> int:
        self._check_frames_below()
        try:
            return self.send_request(outgoing, slot.put)
        except NotSent:
            raise self._not_sent() from None

    def _await(
        self,
        request_id: int,
        slot: "SimpleQueue[Response]",
        outgoing: OutgoingMessage,
        deadline: float,
        timeout: float,
    ) -> Message | TemplateMatch[bool]:
        """Wait for the response to a request that was sent."""
        last: Progress | None = None
        try:
            answer = self._wait(slot, deadline, deadline - time.monotonic())
            while isinstance(answer, Progress):
                if last is None or answer.progress != last.progress:  # else a duplicate
                    no_lock_held("a progress listener")
                    answer.report_to(outgoing.report)
                last = answer
                answer = self._wait(slot, deadline, deadline - time.monotonic())
        except BaseException:
            self.cancel(request_id)
            raise
        finally:
            self.reports.pop(outgoing.token, None)
        return self.response_or_error(answer, request_id, outgoing, timeout)

    def stream(
        self, outgoing: OutgoingMessage, timeout: float
    ) -> Generator[Progress | Message | TemplateMatch[bool]]:
        """Send a request; yield its progress notifications, and its response as the last one.

        `timeout` is the time in seconds for each message. Raises as `send_and_wait` does.
        """
        self._check_frames_below()
        slot: SimpleQueue[Response] = SimpleQueue()
        window = StreamWindow(self, slot.put)
        last: Progress | None = None
        try:
            window.id = request_id = self.send_request(outgoing, window.deliver)
            while True:
                answer = take(slot, 0) or self._wait(slot, time.monotonic() + timeout, timeout)
                if not isinstance(answer, Progress):
                    yield self.response_or_error(answer, request_id, outgoing, timeout)
                    return
                if last is None or answer.progress != last.progress:  # else a duplicate
                    yield answer
                    window.acknowledge(answer)
                last = answer
        except NotSent:
            raise self._not_sent() from None
        finally:
            try:
                self.cancel_all(window.deliver)
            finally:
                self.reports.pop(outgoing.token, None)
                self.cancel_all(window.deliver)  # an interruption may have ended the first one
