"""uvicorn's protocol on httptools, with a limit that it lacks.

docs/decisions/0011-http-parser.md says why it is this one.
"""

from typing import Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["Protocol"]

_LONGEST_HEAD: Final = 64 * 2**10
"""Bytes of a request's head that are read, beyond those that came with its beginning."""


class Protocol(HttpToolsProtocol):
    """Refuses a request whose head has no end; reads a header's value without what is around it."""

    _head: int | None = None
    """Bytes read of a head that is not complete; `None` between heads."""

    @override
    def on_message_begin(self) -> None:
        self._head = 0
        super().on_message_begin()

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        # httptools keeps the whitespace behind a value, which is no part of it (RFC 9110 §5.5).
        super().on_header(name, value.rstrip(b" \t"))

    @override
    def on_headers_complete(self) -> None:
        self._head = None
        super().on_headers_complete()

    @override
    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += len(data)
            if self._head > _LONGEST_HEAD:
                self.send_400_response("The head of the request is too long.")
                return
        super().data_received(data)
