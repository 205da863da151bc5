"""The session of a stdio server with its client: bytes to lines, lines to calls, calls in flight.

Both stdio servers use it. The threaded server calls it from several threads; the operations on
`running` are single dictionary operations, which are atomic.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec
from msgspec import UNSET

from scaffold._mcp.jsonrpc import (
    JsonRpcError,
    Message,
    RequestId,
    read_message,
    write_error_response,
)
from scaffold._mcp.message_templates import TemplateCache
from scaffold._mcp.notifications import MORE_NOTIFICATION
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold.server._protocol.calls import Call, Session
from scaffold.server._protocol.service import Service
from scaffold.server._protocol.tool_calls import (
    INVALID_PAYLOAD,
    TemplatedCall,
    ToolCall,
    ToolResponder,
)
from scaffold.server._stdio.stdout_writer import StdoutWriter

_READ_BYTES: Final = 1 << 14
"""Bytes of a usual read. Reads of 64 KB are slower: glibc trims its heap after them."""
_LONG_READ_BYTES: Final = 1 << 20
_BRACE: Final = ord("{")

_MAX_STREAMS: Final = 256
"""The maximum of open streams: each may buffer a window of messages."""


class OversizedLine(bytes):
    """Stands for a line that was longer than the limit; its content was discarded."""


class LineSplitter:
    """Collects chunks and returns whole lines, without their newlines."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self.partial_bytes = 0
        """The number of bytes of a line that has not ended yet."""
        self._skipping = False
        self._default_read_size = min(_READ_BYTES, max_bytes)
        self.read_size = self._default_read_size
        """How many bytes to read next: more in the middle of a long line."""

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """Add a chunk; return the lines that it completes, without empty ones."""
        end = len(chunk) - 1
        if (
            chunk[0] == _BRACE
            and chunk.find(b"\n") == end < self._max_bytes
            and not self.partial_bytes
        ):
            # The usual case: a chunk is one line.
            return (chunk[:-1],)
        return self._split(chunk)

    def _split(self, chunk: bytes) -> Iterator[bytes]:
        first, *rest = chunk.split(b"\n")
        self._append(first)
        for part in rest:
            yield from self._complete()
            self._append(part)
        self.read_size = _LONG_READ_BYTES if self.partial_bytes else self._default_read_size

    def end(self) -> Iterator[bytes]:
        """Yield the rest after the last newline, at the end of the input."""
        yield from self._complete()

    def _append(self, part: bytes) -> None:
        self.partial_bytes += len(part)
        if self.partial_bytes > self._max_bytes:
            self._skipping = True
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def _complete(self) -> Iterator[bytes]:
        if self._skipping:
            yield OversizedLine()
        elif self._parts:
            parts = self._parts
            line = parts[0] if len(parts) == 1 else b"".join(parts)
            if not line.isspace():
                yield line
        self._parts = []
        self.partial_bytes = 0
        self._skipping = False


class UnparsedCall(msgspec.Struct, gc=False):
    """A slow call that matched a template: it was not parsed in full, and may be cancelled."""

    id: RequestId
    cancelled: bool = False


class StdioSession:
    """The session with the client at the other end of the pipes."""

    def __init__(
        self,
        service: Service,
        writer: StdoutWriter,
        max_message_bytes: int,
        cancel: Callable[[Call], None],
    ) -> None:
        self._service = service
        self._writer = writer
        self._max_message_bytes = max_message_bytes
        self._cancel = cancel
        self._session = Session()
        self.templates: TemplateCache[ToolResponder] = TemplateCache("arguments")
        """The templates of calls that passed all checks."""
        self.running: dict[RequestId, Call | UnparsedCall] = {}
        """Request id → call in flight."""

    def track_unparsed(self, line: bytes) -> UnparsedCall | None:
        """Add a call that is already running on the fast path to the calls in flight."""
        match = self.templates.match(line.removesuffix(b"\n"))
        if match is None or match.id in self.running:
            return None
        call = self.running[match.id] = UnparsedCall(match.id)
        return call

    def match_template(self, line: bytes) -> Call | None:
        """Return the call of a line that matches a template; the caller runs it. Else `None`."""
        match = self.templates.match(line)
        if match is None:
            return None
        responder = match.value
        try:
            payload = responder.tool.loader(match.payload)
        except INVALID_PAYLOAD:
            return None
        call = self.running[match.id] = TemplatedCall(match.id, responder, payload)
        return call

    def handle_line(self, line: bytes) -> Call | None:
        """Parse a line; return the call to run, or `None` if the line is completely handled."""
        request_id: RequestId | None = None
        try:
            message = self._parse(line)
            if message.id is UNSET:
                self._handle_notification(message)
                return None
            request_id = message.id
            handled = self._service.handle(message, self._session)
        except JsonRpcError as error:
            self._writer.enqueue(write_error_response(error, request_id) + b"\n")
            return None
        if isinstance(handled, Call):
            if handled.flow is not None and self._count_streams() >= _MAX_STREAMS:
                full = f"this connection already has {_MAX_STREAMS} open streams, the maximum"
                refusal = JsonRpcError(ErrorCode.INTERNAL_ERROR, full)
                self._writer.enqueue(write_error_response(refusal, request_id) + b"\n")
                return None
            self.running[handled.id] = handled
            return handled
        if handled is not None:
            self._writer.enqueue(handled + b"\n")
        return None

    def _count_streams(self) -> int:
        running = list(self.running.values())
        return sum(isinstance(call, Call) and call.flow is not None for call in running)

    def remember_template(self, line: bytes, call: Call) -> None:
        """Remember the template of a call."""
        if isinstance(call, ToolCall):
            responder = call.template
            if responder is not None:
                self.templates.remember(line, call.arguments, responder)

    def _parse(self, line: bytes) -> Message:
        if isinstance(line, OversizedLine):
            limit = f"the message is longer than {self._max_message_bytes} bytes"
            raise JsonRpcError(ErrorCode.INVALID_REQUEST, limit)
        return read_message(line)

    def respond(self, call: Call | UnparsedCall, response: bytes) -> None:
        """Queue the response of a call for the next flush, unless the client has cancelled it."""
        self.remove(call)
        if not call.cancelled:
            self._writer.enqueue(response + b"\n")

    def remove(self, call: Call | UnparsedCall) -> None:
        """Remove a call from those in flight."""
        if self.running.get(call.id) is call:
            del self.running[call.id]

    def _handle_notification(self, notification: Message) -> None:
        """Cancel a call, or acknowledge bytes of its stream. Ignore other notifications."""
        params = notification.params
        cancelled_id = None if params is UNSET else params.request_id
        call = None if cancelled_id is None else self.running.get(cancelled_id)
        if call is None or params is UNSET:
            return
        if notification.method == MORE_NOTIFICATION:
            if isinstance(call, Call) and call.flow is not None:
                call.flow.acknowledge(params.taken)
        elif notification.method == "notifications/cancelled":
            call.cancelled = True
            if isinstance(call, Call):
                call.cancel()
                self._cancel(call)

    def cancel_streams(self) -> None:
        """Cancel all streams: at the end of the input the client does not read any more."""
        for call in list(self.running.values()):
            if isinstance(call, Call) and call.flow is not None:
                call.cancel()
                self._cancel(call)
