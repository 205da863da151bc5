"""The protocol class of the server, over uvicorn's on httptools: one class with collaborators.

It parses strictly, and refuses invalid and endless requests. `RequestProgress` and
`ResponseProgress` record what the server waits for, `HalfClose` handles connections with one closed
side, `FastRequests` responds to repeated calls before uvicorn sees them.
docs/decisions/0011-http-parser.md has the reasons for this parser.
"""

import logging
from collections.abc import Iterable
from typing import Any, Final

import httptools
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from scaffold.server._http.app import PATH, App
from scaffold.server._http.connection_limits import (
    RequestProgress,
    ResponseProgress,
    are_too_many,
    make_room,
)
from scaffold.server._http.fast_requests import FastRequests, HttpTemplates
from scaffold.server._http.half_close import (
    MAX_DISCARDED_BODY,
    MAX_DISCARDED_BYTES,
    HalfClose,
    LastResponseTransport,
    is_served,
)
from scaffold.server._http.head_syntax import (
    Header,
    HeadError,
    check_head,
    check_size,
    head_too_long,
    syntax_error,
    without_upgrade,
)

log = logging.getLogger(__name__)

_ENDLESS_CHUNK: Final = "A chunk extension or the trailers of the request are too long."
_PATH: Final = PATH.encode()
_TIMEOUT_RESPONSE: Final = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class HttpProtocol(HttpToolsProtocol):
    """One connection: bytes in, requests to the application, responses out."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if are_too_many(self.connections):
            make_room(http_connections(self.connections))
        app = self.config.app
        self.url = b""  # uvicorn sets it when a request begins, after empty lines
        self.request = RequestProgress()
        self.response = ResponseProgress()
        self._half_close = HalfClose(self, self.request)
        self._fast = FastRequests(app.templates if isinstance(app, App) else HttpTemplates())
        self._fields: list[Header] = []
        """The headers of the request. uvicorn's own list also collects trailers."""
        self._asks_upgrade = False
        """True while a request with `Upgrade` is read; the upgrade is ignored."""

    # The client sends bytes, or closes its side.

    @override
    def data_received(self, data: bytes) -> None:
        if self._half_close.discards_input:
            self._half_close.discard(len(data))
            return
        self._unset_keepalive_if_required()
        request = self.request
        request.bytes_without_progress += len(data)
        try:
            while data:
                data = self._feed(data)
        except HeadError as error:
            self._refuse(error)
        except httptools.HttpParserError as error:
            self._refuse(syntax_error(str(error), data))
        if request.is_endless:
            in_head = request.in_head
            self._refuse(head_too_long(self.url) if in_head else HeadError(400, _ENDLESS_CHUNK))

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

    # uvicorn declares `None`; asyncio keeps the connection open for writing if this returns true.
    @override
    def eof_received(self) -> Any:
        return self._half_close.on_client_closed()

    # The parser calls these methods.

    @override
    def on_message_begin(self) -> None:
        self.request.begin()
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        assert self.parser is not None
        self.request.end_head()
        # Trailers are not headers (RFC 9110 §6.5.1). This list collects them; it is never read.
        self._fields, self.headers = self.headers, []
        self._asks_upgrade = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._asks_upgrade:
            check_size(self.url, self._fields)
        elif not (self._may_be_fast() and self._fast.hold_back(self._fields)):
            self._start_request()

    @override
    def on_body(self, body: bytes) -> None:
        self.request.bytes_without_progress = 0
        if self._fast.templates is None:
            super().on_body(body)
        elif not self._fast.add(body):
            self._release()

    @override
    def on_message_complete(self) -> None:
        if self._asks_upgrade:
            return
        self.request.complete()
        if self._fast.templates is not None:
            responded = self._fast.respond()
            if responded is not None:
                self._write(*responded)
                return
            self._release()
        super().on_message_complete()

    def _start_request(self) -> None:
        """Check the head, and have uvicorn call the application."""
        assert self.parser is not None
        version, method = self.parser.get_http_version(), self.parser.get_method()
        check_head(version, method, self.url, self._fields)
        super().on_headers_complete()
        if not self.cycle.keep_alive:
            self.cycle.transport = LastResponseTransport(self.transport, self._close)

    # The fast path: a request is held back until its body is complete.

    def _may_be_fast(self) -> bool:
        """Return whether the request may be responded to here: nothing else is in its way."""
        parser = self.parser
        assert parser is not None
        if self.is_serving or self.url != _PATH or parser.get_method() != b"POST":
            return False
        if self.expect_100_continue or self.flow.write_paused or not parser.should_keep_alive():
            return False
        return parser.get_http_version() == "1.1"

    def _release(self) -> None:
        """Pass the request that was held back to uvicorn, as if it had just arrived."""
        body = self._fast.release()
        self._start_request()
        super().on_body(body)

    def _write(self, status: int, body: bytes) -> None:
        default_headers = b"".join(
            [b"%b: %b\r\n" % pair for pair in self.server_state.default_headers]
        )
        head = b"%b%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % (STATUS_LINE[status], default_headers, len(body)) + body)
        self.on_response_complete()

    # The end of a connection.

    def _refuse(self, error: HeadError) -> None:
        """Respond with an error and discard further input, since no next request can be found.

        Requests before the invalid one get their responses first.
        """
        if self._half_close.discards_input or self.transport.is_closing():
            return
        self._half_close.discards_input = True
        self.request.waiting_since = None
        log.info("refused a request from %s port %s: %s", *(self.client or ("?", 0)), error)
        if self.is_serving and self.request.in_head:
            self.cycle.keep_alive = False
            return
        if not (self.is_serving and (self.pipeline or self.cycle.response_started)):
            text = str(error).encode("ascii", "replace")
            head = b"%bcontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            self.transport.write(head % (STATUS_LINE[error.status], len(text)) + text)
        self._half_close.close_own_side(MAX_DISCARDED_BYTES)

    def _close(self) -> None:
        """Close the connection after its last response, when the request is complete."""
        if self.request.incomplete:
            self._half_close.close_own_side(MAX_DISCARDED_BODY)
        else:
            self.transport.close()

    @override
    def shutdown(self) -> None:
        if self._fast.templates is not None:
            self._release()
        super().shutdown()

    def close_late(self) -> None:
        """Close the connection; respond with 408 if a request is incomplete."""
        if self.request.incomplete and not (self._half_close.discards_input or self._responds):
            self.transport.write(_TIMEOUT_RESPONSE)
        self.transport.close()

    @property
    def _responds(self) -> bool:
        """True if the response to the incomplete request has begun."""
        if self.request.in_head or self._fast.templates is not None:
            return False  # the cycle, if there is one, is that of an earlier request
        return self.cycle.response_started

    @property
    def is_serving(self) -> bool:
        """True while a request is being served, or waits for that."""
        return is_served(self.cycle)

    @property
    def is_streaming(self) -> bool:
        """True while the response is a stream of events."""
        return self.is_serving and bool(self.cycle.chunked_encoding)

    @property
    def is_waiting_for_server(self) -> bool:
        """True if the request waits for the server, which serves the requests before it."""
        queued = bool(self.pipeline) or (self.request.in_head and self.is_serving)
        return self.flow.read_paused or queued


def http_connections(connections: Iterable[object]) -> list[HttpProtocol]:
    """Return the connections of a server, whose set uvicorn types as those of any protocol."""
    return [connection for connection in connections if isinstance(connection, HttpProtocol)]
