"""What becomes of a request whose client has closed its side of the connection.

That may be all that it has closed (RFC 9112 §9.6: the answer is owed), or it has gone: both look
alike from here until something is sent, which the system of a client that has gone refuses. So what
means nothing is sent now and then while the answer takes its time: an interim response that nobody
has asked for (RFC 9110 §15.2.1: clients discard it), or a comment in a stream of events.
"""

from typing import Any, Final

from typing_extensions import override

from scaffold.server._http.protocol.strict_parser import StrictProtocol

__all__ = ["PatientProtocol"]

_FIRST: Final = 0.05
"""Seconds until a client is asked whether it is there; each time after it takes twice as long."""
_INTERIM: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_COMMENT: Final = b"3\r\n:\n\n\r\n"
"""A chunk with a comment (HTML Living Standard, Server-sent events)."""


class PatientProtocol(StrictProtocol):
    """Answers who has said the last word, unless it has gone."""

    # uvicorn says that it returns nothing; asyncio takes true for the wish to go on writing.
    @override
    def eof_received(self) -> Any:
        if not self._owes:
            return False
        self.cycle.keep_alive = False
        self.loop.call_later(_FIRST, self._ask, _FIRST)
        return True

    @property
    def _owes(self) -> bool:
        """True if a whole request is being answered, and its client may be asked."""
        if not self.is_serving or self.cycle.scope["http_version"] != "1.1":
            return False
        return bool(self.pipeline) or not self.cycle.more_body

    def _ask(self, waited: float) -> None:
        if not self.is_serving or self.transport.is_closing():
            return
        # Of several requests in a row it is the first whose answer may have begun.
        if not (self.pipeline or self.flow.write_paused):
            if not self.cycle.response_started:
                self.transport.write(_INTERIM)
            elif self.cycle.chunked_encoding:
                self.transport.write(_COMMENT)
        self.loop.call_later(2 * waited, self._ask, 2 * waited)
