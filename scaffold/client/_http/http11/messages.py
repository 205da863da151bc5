"""HTTP/1.1 messages as bytes: requests are written, responses are parsed incrementally."""

from http import HTTPStatus
from typing import Final

import httptools

from scaffold.client._http.transport.io_requests import (
    Failure,
    RequestCache,
    RequestFailed,
    SendRequest,
)
from scaffold.client._http.transport.server_address import ServerAddress

_MAX_HEAD_BYTES: Final = 64 * 2**10
"""Bytes before the body, and of fields behind it."""

_STATUSES_WITHOUT_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class ResponseParser:
    """Parses the responses of one connection, one after another."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.begin()

    def begin(self) -> None:
        """Expect a response."""
        self.status = 0
        """The status code; 0 until the head is there."""
        self.done = False
        """True when the body has ended."""
        self.keeps = True
        """False if the connection is of no use for another request."""
        self.pending = 0
        """Bytes of the body that were not taken yet."""
        self._fields: dict[bytes, bytes] = {}
        self._pieces: list[bytes] = []
        self._unused = 0
        self._until_end = False
        self._interim = False

    def get_header(self, key: str) -> str | None:
        """Return a header's value, all of them in one if there are several (RFC 9110 §5.3)."""
        value = self._fields.get(key.encode())
        return None if value is None else value.strip().decode("latin-1")

    def take(self) -> bytes:
        """Return what has come of the body since the last time."""
        pieces = self._pieces
        if not pieces:
            return b""
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        self.pending = 0
        return body

    def feed(self, data: bytes) -> None:
        """Read what has come; raise `RequestFailed` if it is not an HTTP response."""
        if self.done:
            self.keeps = False  # the server sent more than one response
            return
        if not self.status:
            self._unused += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise RequestFailed(Failure.GARBLED, "the server goes on in another protocol") from None
        except httptools.HttpParserError as error:
            self.keeps = False
            reason = error.__context__
            if reason is not None and not isinstance(reason, Exception):
                raise reason from None  # ^C came while a callback ran
            if not self.done:
                raise self._garbled(error) from None
        if not self.status and self._unused > _MAX_HEAD_BYTES:
            raise RequestFailed(Failure.GARBLED, "the head is too large")

    def end(self) -> None:
        """Note that nothing more will come; raise `RequestFailed` if that is too early."""
        self.keeps = False
        if self.done:
            return
        if not self.status:
            raise RequestFailed(Failure.CUT, "the connection ended before the response began")
        if not self._until_end:
            raise RequestFailed(Failure.CUT, "the connection ended before the body did")
        self.done = True

    def _garbled(self, error: httptools.HttpParserError) -> RequestFailed:
        reason = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else None
        if isinstance(reason, RequestFailed):
            return reason
        failure = Failure.CUT if self.status else Failure.GARBLED
        return RequestFailed(failure, f"what came is not HTTP: {error}")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by httptools for each field in the head or the trailer."""
        if self.status:
            self._unused += len(name) + len(value)
            if self._unused > _MAX_HEAD_BYTES:
                raise RequestFailed(Failure.CUT, "the fields behind the body are too large")
            return
        name = name.lower()
        known = self._fields.get(name)
        self._fields[name] = value if known is None else known + b", " + value

    def on_headers_complete(self) -> None:
        """Called by httptools at the end of the head."""
        status = self._parser.get_status_code()
        if status < HTTPStatus.OK:
            self._interim = True  # another response follows (RFC 9110 §15.2)
            return
        self.status = status
        self._unused = 0
        fields = self._fields
        # RFC 9112 §6.3
        self._until_end = (
            b"content-length" not in fields
            and b"transfer-encoding" not in fields
            and status not in _STATUSES_WITHOUT_BODY
        )

    def on_body(self, body: bytes) -> None:
        """Called by httptools for each piece of the body."""
        self._pieces.append(body)
        self.pending += len(body)

    def on_message_complete(self) -> None:
        """Called by httptools at the end of a response."""
        if self._interim:
            self._interim = False
            self._fields.clear()
            return
        self.done = True
        self.keeps = self.keeps and self._parser.should_keep_alive()

    def on_message_begin(self) -> None:
        """Called by httptools at the start of a response."""
        if self.done:
            self.keeps = False
            raise RequestFailed(Failure.GARBLED, "a response to no request")


class RequestWriter:
    """Writes the requests to one address."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._heads = RequestCache(self._head)

    def write(self, send: SendRequest) -> bytes:
        """Return a request: its head, and its body with the length (RFC 9112 §2.1, §6.2)."""
        head = self._heads.get(send)
        if not send.body and send.method != "POST":
            return head + b"\r\n"  # a length would announce a body (RFC 9110 §8.6)
        return b"%bcontent-length: %d\r\n\r\n%b" % (head, len(send.body), send.body)

    def _head(self, send: SendRequest) -> bytes:
        address = self._address
        fields = {"host": address.authority, **address.fields, **send.headers}
        lines = [f"{send.method} {address.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        return "\r\n".join([*lines, ""]).encode()
