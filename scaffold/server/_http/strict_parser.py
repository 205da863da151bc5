"""uvicorn's protocol on httptools, with strict parsing and limits that uvicorn does not have.

docs/decisions/0011-http-parser.md has the reasons for this parser.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Final

import httptools
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from scaffold.server._http.head_checks import (
    Header,
    HeadError,
    check_head,
    check_size,
    without_upgrade,
)

log = logging.getLogger(__name__)

_MAX_HEAD_BYTES: Final = 64 * 2**10
"""Bytes that may be read without the end of a head or a byte of a body."""
_MAX_DISCARDED_BYTES: Final = 2**20
"""Bytes that are discarded after invalid HTTP, before the connection is reset."""
_MAX_DISCARDED_BODY: Final = 2**30
"""Bytes that are discarded of the body of a connection's last request."""
_TIMEOUT_RESPONSE: Final = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class StrictHttpProtocol(HttpToolsProtocol):
    """Refuses invalid and endless requests, and records how long it waits for its client."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.waiting_since: float | None = time.monotonic()
        """When the connection or the incomplete request began; `None` if neither is awaited."""
        self.idle_since = self.waiting_since
        """When the last request was complete."""
        self._fields: list[Header] = []
        """The headers of the request. uvicorn's own list also collects trailers."""
        self._request_begun = False
        """True while a request is incomplete."""
        self._in_head = True
        self._bytes_without_progress = 0
        """Bytes read since the last end of a head or byte of a body."""
        self._asks_upgrade = False
        """True while a request with `Upgrade` is read; the upgrade is ignored."""
        self._refused = False
        """True once all further input is discarded."""
        self._discarded = -_MAX_DISCARDED_BYTES
        """Bytes discarded after that, minus the maximum: the connection is reset above 0."""
        self._unread = 0
        """The bytes that the client had not read at the last check."""
        self._last_read = self.waiting_since
        """When the client last read some, or had nothing to read."""
        self.stalled = 0.0
        """Seconds for which the client had read nothing, at the last check."""

    @override
    def on_message_begin(self) -> None:
        self.waiting_since = time.monotonic()
        self._request_begun = self._in_head = True
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        assert self.parser is not None
        self._in_head = False
        self._bytes_without_progress = 0
        # Trailers are not headers (RFC 9110 §6.5.1). This list collects them; it is never read.
        self._fields, self.headers = self.headers, []
        self._asks_upgrade = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._asks_upgrade:
            check_size(self.url, self._fields)
        else:
            self._on_head_complete()

    def _on_head_complete(self) -> None:
        assert self.parser is not None
        version, method = self.parser.get_http_version(), self.parser.get_method()
        check_head(version, method, self.url, self._fields)
        super().on_headers_complete()
        if not self.cycle.keep_alive:
            self.cycle.transport = _LastResponseTransport(self.transport, self._close)

    @override
    def on_body(self, body: bytes) -> None:
        self._bytes_without_progress = 0
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        if self._asks_upgrade:
            return
        self.waiting_since = None
        self.idle_since = time.monotonic()
        self._request_begun = False
        self._in_head = True
        self._bytes_without_progress = 0
        self._on_request_complete()

    def _on_request_complete(self) -> None:
        super().on_message_complete()

    @override
    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._discard(len(data))
            return
        self._unset_keepalive_if_required()
        self._bytes_without_progress += len(data)
        try:
            while data:
                data = self._feed(data)
        except HeadError as error:
            self._refuse(error)
        except httptools.HttpParserError as error:
            self._refuse(HeadError(400, f"Invalid HTTP request: {error}."))
        if self._bytes_without_progress > _MAX_HEAD_BYTES:
            status = 431 if self._in_head else 400
            self._refuse(HeadError(status, "The head of the request is too long."))

    def _feed(self, data: bytes) -> bytes:
        """Feed the parser; return the data that a new parser must read."""
        assert self.parser is not None
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            head = without_upgrade(self.parser.get_method(), self.url, self._fields)
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            return head + data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            reason = error.__context__
            if isinstance(reason, HeadError):
                raise reason from None
            raise HeadError(400, f"Invalid HTTP request: {reason}.") from None
        return b""

    def _refuse(self, error: HeadError) -> None:
        """Respond with an error and discard further input, since no next request can be found.

        Requests before the invalid one get their responses first.
        """
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self.waiting_since = None
        log.info("refused a request from %s port %s: %s", *(self.client or ("?", 0)), error)
        if self.is_serving and self._in_head:
            self.cycle.keep_alive = False
            return
        if not (self.is_serving and (self.pipeline or self.cycle.response_started)):
            text = str(error).encode("ascii", "replace")
            head = b"%bcontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            self.transport.write(head % (STATUS_LINE[error.status], len(text)) + text)
        self._linger(_MAX_DISCARDED_BYTES)

    def _close(self) -> None:
        """Close the connection after its last response, when the request is complete."""
        if self._request_begun:
            self._linger(_MAX_DISCARDED_BODY)
        else:
            self.transport.close()

    def _linger(self, max_bytes: int) -> None:
        """Close this side only, and discard further input, until the client closes its side.

        To close a connection with unread data resets it, and the client may lose the response
        (RFC 9112 §9.6). `close_overdue` bounds the time, and `max_bytes` the bytes.
        """
        self._refused = True
        self._discarded = -max_bytes
        if self.is_serving:  # the application must not respond any more
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.transport.is_closing() or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.waiting_since = time.monotonic()
        self.flow.resume_reading()
        self.transport.write_eof()

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > 0:
            self.transport.abort()

    @property
    def is_serving(self) -> bool:
        """True while a request is being served, or waits for that."""
        return _is_served(self.cycle)

    @property
    def is_waiting_for_server(self) -> bool:
        """True if the request waits for the server, which serves the requests before it."""
        queued = bool(self.pipeline) or (self._in_head and self.is_serving)
        return self.flow.read_paused or queued

    def seconds_without_read(self, now: float, unread: int) -> float:
        """Record how many bytes the client has not read; return how long it has read none."""
        if unread != self._unread or not unread:
            self._unread, self._last_read = unread, now
        self.stalled = now - self._last_read
        return self.stalled

    @property
    def is_streaming(self) -> bool:
        """True while the response is a stream of events."""
        return self.is_serving and bool(self.cycle.chunked_encoding)

    @property
    def _responds(self) -> bool:
        """True if the response to the incomplete request has begun."""
        return not self._in_head and self.cycle.response_started

    def close_late(self) -> None:
        """Close the connection; respond with 408 if a request is incomplete."""
        if self._request_begun and not self._refused and not self._responds:
            self.transport.write(_TIMEOUT_RESPONSE)
        self.transport.close()


def _is_served(cycle: RequestResponseCycle | None) -> bool:
    return cycle is not None and not cycle.response_complete


class _LastResponseTransport(asyncio.Transport):
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
