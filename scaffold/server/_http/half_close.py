"""Half-close: one side of a connection is closed, and the other side is still used.

The client may close its side and wait for its response (RFC 9112 §9.6), or it may have left. Both
look the same until the server sends something, which the system of a client that has left refuses.
So the server sends a probe from time to time: an interim response, which clients discard (RFC 9110
§15.2.1), or a comment in a stream of events.

The server closes its side first after its last response. To close a connection with unread data
resets it, and the client may lose the response. So the server discards input until the client
closes its side too.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from scaffold.server._http.connection_limits import RequestProgress

_FIRST_PROBE: Final = 0.05
"""Seconds until the first probe; each further one waits twice as long."""
_INTERIM: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_COMMENT: Final = b"3\r\n:\n\n\r\n"
"""A chunk with a comment (HTML Living Standard, Server-sent events)."""
MAX_DISCARDED_BYTES: Final = 2**20
"""Bytes that are discarded after invalid HTTP, before the connection is reset."""
MAX_DISCARDED_BODY: Final = 2**30
"""Bytes that are discarded of the body of a connection's last request."""


class HalfClose:
    """The half-closed states of one connection."""

    def __init__(self, protocol: HttpToolsProtocol, progress: RequestProgress) -> None:
        self._protocol = protocol
        self._progress = progress
        self.discards_input = False
        """True once all further input is discarded."""
        self._discarded = -MAX_DISCARDED_BYTES
        """Bytes discarded after that, minus the maximum: the connection is reset above 0."""

    def on_client_closed(self) -> bool:
        """Return whether to keep the connection open, because its client waits for a response."""
        protocol = self._protocol
        if not self._owes_response:
            return False
        protocol.cycle.keep_alive = False
        protocol.loop.call_later(_FIRST_PROBE, self._probe, _FIRST_PROBE)
        return True

    @property
    def _owes_response(self) -> bool:
        """True if a complete request is being served, and its client accepts probes."""
        cycle = self._protocol.cycle
        if not is_served(cycle) or cycle.scope["http_version"] != "1.1":
            return False
        return bool(self._protocol.pipeline) or not cycle.more_body

    def _probe(self, delay: float) -> None:
        protocol = self._protocol
        cycle, transport = protocol.cycle, protocol.transport
        if not is_served(cycle) or transport.is_closing():
            return
        # With pipelined requests the response of the first may have begun, so do not probe.
        if not (protocol.pipeline or protocol.flow.write_paused):
            if not cycle.response_started:
                transport.write(_INTERIM)
            elif cycle.chunked_encoding:
                transport.write(_COMMENT)
        protocol.loop.call_later(2 * delay, self._probe, 2 * delay)

    def close_own_side(self, max_bytes: int) -> None:
        """Close this side only, and discard further input, until the client closes its side.

        `close_overdue` bounds the time, and `max_bytes` the bytes.
        """
        protocol = self._protocol
        self.discards_input = True
        self._discarded = -max_bytes
        if is_served(protocol.cycle):  # the application must not respond any more
            protocol.cycle.disconnected = True
            protocol.cycle.message_event.set()
        if protocol.transport.is_closing() or not protocol.transport.can_write_eof():
            protocol.transport.close()
            return
        self._progress.waiting_since = time.monotonic()
        protocol.flow.resume_reading()
        protocol.transport.write_eof()

    def discard(self, size: int) -> None:
        """Count discarded input; reset the connection if it is too much."""
        self._discarded += size
        if self._discarded > 0:
            self._protocol.transport.abort()


def is_served(cycle: RequestResponseCycle | None) -> bool:
    """Return whether a request is being served, or waits for that."""
    return cycle is not None and not cycle.response_complete


class LastResponseTransport(asyncio.Transport):
    """The transport of a connection's last response; `close` calls a function instead."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        super().__init__()
        self._transport = transport
        self._close = close

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._transport.write(data)

    @override
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    @override
    def close(self) -> None:
        self._close()
