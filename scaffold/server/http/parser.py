"""uvicorn's protocol on httptools, with the limits that it lacks.

docs/decisions/0011-http-parser.md says why it is this one.
"""

import time
from collections.abc import Iterable
from contextvars import copy_context
from typing import Any, Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from scaffold.server.answers import Answers
from scaffold.server.http.app import PATH
from scaffold.server.http.known import Known, answer, likeness
from scaffold.wire.heads import Heads

__all__ = ["Protocol", "end_overdue", "protocol"]

_LONGEST_HEAD: Final = 64 * 2**10
"""Bytes that are read in a row without the end of a head or any byte of a body."""
_SLOWEST: Final = 30.0
"""Seconds within which a request must have come, from its first byte to its last."""
_MOST_HELD: Final = 64 * 2**10
"""Bytes of a body that is held back until it is whole."""
_MOST_WAITING: Final = 200
"""Connections that are kept without a whole request; the oldest are closed."""
_PATH: Final = PATH.encode()
_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Protocol(HttpToolsProtocol):
    """Refuses a request without end; answers one like an earlier one as soon as it is whole.

    A request that may be known by its body is held back: uvicorn hears of it when it has come,
    and only if it turns out to be another.
    """

    known = Known()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.since: float | None = time.monotonic()
        """When what is awaited began: a connection, or a request; `None` for nothing."""
        self._begun = False
        """True while a part of a request has come."""
        self._in_head = True
        self._unused = 0
        """Bytes read since the last of any use."""
        self._heads: Heads[Answers] | None = None
        """How the body of a request that is held back may begin."""
        self._body = b""

    @override
    def on_message_begin(self) -> None:
        self.since = time.monotonic()
        self._begun = self._in_head = True
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._in_head = False
        self._unused = 0
        self._heads = self._expected()
        self._body = b""
        if self._heads is None:
            self._announce()

    @override
    def on_body(self, body: bytes) -> None:
        self._unused = 0
        if self._heads is None:
            super().on_body(body)
            return
        self._body += body
        if len(self._body) > _MOST_HELD:
            self._let_go()

    @override
    def on_message_complete(self) -> None:
        self.since = None
        self._begun = False
        self._unused = 0
        if self._heads is not None:
            # A context of its own, as a task would have: what a plugin sets there is gone after.
            answered = copy_context().run(answer, self._body, self._heads)
            if answered is not None:
                self._heads = None
                self._write(*answered)
                return
            self._let_go()
        super().on_message_complete()

    @override
    def data_received(self, data: bytes) -> None:
        self._unused += len(data)
        super().data_received(data)
        if self._unused > _LONGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    @override
    def shutdown(self) -> None:
        if self._heads is not None:
            self._let_go()
        super().shutdown()

    def _expected(self) -> Heads[Answers] | None:
        """Return the heads of bodies that are known with such headers, if it may be one of them."""
        parser = self.parser
        assert parser is not None
        if _is_served(self.cycle) or self.url != _PATH or parser.get_method() != b"POST":
            return None
        if self.expect_100_continue or self.flow.write_paused or not parser.should_keep_alive():
            return None
        return self.known.find(likeness(self.headers))

    def _let_go(self) -> None:
        """Hand over what was held back."""
        self._heads = None
        self._announce()
        super().on_body(self._body)

    def _announce(self) -> None:
        super().on_headers_complete()
        # Fields behind a body are no headers (RFC 9110 §6.5.1), and nobody reads them.
        self.headers = []

    def _write(self, status: int, body: bytes) -> None:
        usual = b"".join([b"%b: %b\r\n" % pair for pair in self.server_state.default_headers])
        head = b"%b%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % (STATUS_LINE[status], usual, len(body)) + body)
        self.on_response_complete()

    @property
    def is_held(self) -> bool:
        """True if it is us whom the request waits for: others before it are being served."""
        queued = bool(self.pipeline) or (self._in_head and _is_served(self.cycle))
        return self.flow.read_paused or queued

    def end(self) -> None:
        """Give the request up that has not come whole."""
        if self._begun and (self._in_head or not self.cycle.response_started):
            self.transport.write(_LATE)
        self.transport.close()


def _is_served(cycle: RequestResponseCycle | None) -> bool:
    return cycle is not None and not cycle.response_complete


def protocol(seen: Known) -> type[Protocol]:
    """Return the protocol of a server that has seen some calls."""

    class Knowing(Protocol):
        known = seen

    return Knowing


def end_overdue(protocols: Iterable[object]) -> None:
    """End the connections whose request takes too long, and the oldest of too many."""
    now = time.monotonic()
    waiting: list[tuple[float, Protocol]] = []
    for protocol in protocols:
        if isinstance(protocol, Protocol) and protocol.since is not None:
            if protocol.is_held:
                protocol.since = now
            waiting.append((protocol.since, protocol))
    waiting.sort(key=lambda one: one[0])
    surplus = len(waiting) - _MOST_WAITING
    for place, (since, protocol) in enumerate(waiting):
        if place < surplus or now - since > _SLOWEST:
            protocol.end()
