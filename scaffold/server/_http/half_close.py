"""Half-close: a client has closed its side of the connection, and may still read the response.

The client may wait for its response (RFC 9112 §9.6), or it may have left. Both look the same until
the server sends something, which the system of a client that has left refuses. So the server sends
a probe from time to time: an interim response, which clients discard (RFC 9110 §15.2.1), or a
comment in a stream of events.
"""

from typing import Any, Final

from typing_extensions import override

from scaffold.server._http.strict_parser import StrictHttpProtocol

_FIRST_PROBE: Final = 0.05
"""Seconds until the first probe; each further one waits twice as long."""
_INTERIM: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_COMMENT: Final = b"3\r\n:\n\n\r\n"
"""A chunk with a comment (HTML Living Standard, Server-sent events)."""


class HalfCloseHttpProtocol(StrictHttpProtocol):
    """Responds to clients that have closed their side, unless they have left."""

    # uvicorn declares `None`; asyncio keeps the connection open for writing if this returns true.
    @override
    def eof_received(self) -> Any:
        if not self._owes_response:
            return False
        self.cycle.keep_alive = False
        self.loop.call_later(_FIRST_PROBE, self._probe, _FIRST_PROBE)
        return True

    @property
    def _owes_response(self) -> bool:
        """True if a complete request is being served, and its client accepts probes."""
        if not self.is_serving or self.cycle.scope["http_version"] != "1.1":
            return False
        return bool(self.pipeline) or not self.cycle.more_body

    def _probe(self, delay: float) -> None:
        if not self.is_serving or self.transport.is_closing():
            return
        # With pipelined requests the response of the first may have begun, so do not probe.
        if not (self.pipeline or self.flow.write_paused):
            if not self.cycle.response_started:
                self.transport.write(_INTERIM)
            elif self.cycle.chunked_encoding:
                self.transport.write(_COMMENT)
        self.loop.call_later(2 * delay, self._probe, 2 * delay)
