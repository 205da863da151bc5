"""uvicorn's protocol on httptools, strict where it is not, and with the limits that it lacks.

docs/decisions/0011-http-parser.md says why it is this one.
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

from scaffold.server._http.edge.head_checks import (
    Header,
    HeadError,
    check_head,
    check_size,
    without_upgrade,
)

__all__ = ["StrictProtocol"]

log = logging.getLogger(__name__)

_LONGEST_HEAD: Final = 64 * 2**10
"""Bytes that are read in a row without the end of a head or any byte of a body."""
_MOST_OF_NO_HTTP: Final = 2**20
"""Bytes that are discarded behind what is not HTTP, before the connection is reset."""
_MOST_OF_A_BODY: Final = 2**30
"""Bytes that are discarded of a body whose request was the last of its connection."""
_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class StrictProtocol(HttpToolsProtocol):
    """Refuses what is no request, or has no end; knows how long it has been waiting for one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.since: float | None = time.monotonic()
        """When what is awaited began: a connection, or a request; `None` for nothing."""
        self.rested = self.since
        """When the last request had come."""
        self._fields: list[Header] = []
        """The headers; uvicorn's own list of them takes up trailers."""
        self._begun = False
        """True while a part of a request has come."""
        self._in_head = True
        self._unused = 0
        """Bytes read since the last of any use."""
        self._strays = False
        """True while a request comes that would go on in another protocol."""
        self._refused = False
        """True once nothing is read any more."""
        self._discarded = -_MOST_OF_NO_HTTP
        """Bytes that were discarded after that, less those that may be."""
        self._unread = 0
        """The bytes that the client had not taken at the last look."""
        self._moved = self.since
        """When it was last seen to take some, or had none to take."""
        self.stalled = 0.0
        """Seconds for which it had taken none, at the last look."""

    @override
    def on_message_begin(self) -> None:
        self.since = time.monotonic()
        self._begun = self._in_head = True
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        assert self.parser is not None
        self._in_head = False
        self._unused = 0
        # Fields behind a body are no headers (RFC 9110 §6.5.1), and nobody reads them.
        self._fields, self.headers = self.headers, []
        self._strays = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._strays:
            check_size(self.url, self._fields)
        else:
            self._head_has_come()

    def _head_has_come(self) -> None:
        assert self.parser is not None
        version, method = self.parser.get_http_version(), self.parser.get_method()
        check_head(version, method, self.url, self._fields)
        super().on_headers_complete()
        if not self.cycle.keep_alive:
            self.cycle.transport = _Closing(self.transport, self._close)

    @override
    def on_body(self, body: bytes) -> None:
        self._unused = 0
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        if self._strays:
            return
        self.since = None
        self.rested = time.monotonic()
        self._begun = False
        self._in_head = True
        self._unused = 0
        self._message_has_come()

    def _message_has_come(self) -> None:
        super().on_message_complete()

    @override
    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._discard(len(data))
            return
        self._unset_keepalive_if_required()
        self._unused += len(data)
        try:
            while data:
                data = self._feed(data)
        except HeadError as error:
            self._refuse(error)
        except httptools.HttpParserError as error:
            self._refuse(HeadError(400, f"Invalid HTTP request: {error}."))
        if self._unused > _LONGEST_HEAD:
            status = 431 if self._in_head else 400
            self._refuse(HeadError(status, "The head of the request is too long."))

    def _feed(self, data: bytes) -> bytes:
        """Hand data to the parser; return what a parser of its own must read."""
        assert self.parser is not None
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as wish:
            head = without_upgrade(self.parser.get_method(), self.url, self._fields)
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            return head + data[wish.args[0] :]
        except httptools.HttpParserCallbackError as error:
            reason = error.__context__
            if isinstance(reason, HeadError):
                raise reason from None
            raise HeadError(400, f"Invalid HTTP request: {reason}.") from None
        return b""

    def _refuse(self, error: HeadError) -> None:
        """Answer what is no request, and read no more: nobody knows where another one begins.

        Requests before it are answered first.
        """
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self.since = None
        log.info("a request of %s port %s is refused: %s", *(self.client or ("?", 0)), error)
        if self.is_serving and self._in_head:
            self.cycle.keep_alive = False
            return
        if not (self.is_serving and (self.pipeline or self.cycle.response_started)):
            text = str(error).encode("ascii", "replace")
            head = b"%bcontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            self.transport.write(head % (STATUS_LINE[error.status], len(text)) + text)
        self._linger(_MOST_OF_NO_HTTP)

    def _close(self) -> None:
        """Close the connection behind a response, when its request has come whole."""
        if self._begun:
            self._linger(_MOST_OF_A_BODY)
        else:
            self.transport.close()

    def _linger(self, most: int) -> None:
        """Close our side only, and discard what still comes, until the client closes its own.

        To close a connection with unread data resets it, and the client may lose the response
        (RFC 9112 §9.6). `end_overdue` bounds the time, and `most` the bytes.
        """
        self._refused = True
        self._discarded = -most
        if self.is_serving:  # what is served of the request is not answered any more
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.transport.is_closing() or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.since = time.monotonic()
        self.flow.resume_reading()
        self.transport.write_eof()

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > 0:
            self.transport.abort()

    @property
    def is_serving(self) -> bool:
        """True while a request is being answered, or waits for that."""
        return _is_served(self.cycle)

    @property
    def is_held(self) -> bool:
        """True if it is us whom the request waits for: others before it are being served."""
        queued = bool(self.pipeline) or (self._in_head and self.is_serving)
        return self.flow.read_paused or queued

    def unread_for(self, now: float, unread: int) -> float:
        """Take how many bytes the client has not read; return for how long it has read none."""
        if unread != self._unread or not unread:
            self._unread, self._moved = unread, now
        self.stalled = now - self._moved
        return self.stalled

    @property
    def is_streaming(self) -> bool:
        """True while the answer is a stream of events."""
        return self.is_serving and bool(self.cycle.chunked_encoding)

    @property
    def _responds(self) -> bool:
        """True if the request that is coming has been answered, or is being."""
        return not self._in_head and self.cycle.response_started

    def end(self) -> None:
        """Give the request up that has not come whole."""
        if self._begun and not self._refused and not self._responds:
            self.transport.write(_LATE)
        self.transport.close()


def _is_served(cycle: RequestResponseCycle | None) -> bool:
    return cycle is not None and not cycle.response_complete


class _Closing(asyncio.Transport):
    """The transport of one last response, which is closed by what is given."""

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
