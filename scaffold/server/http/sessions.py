"""The sessions of legacy clients over HTTP: an id each, gone when ended or long unused."""

import secrets
import time
from typing import Final

from scaffold.server.calls import Call
from scaffold.server.http.refusal import Refusal
from scaffold.server.request import Session
from scaffold.wire.messages import RequestId

__all__ = ["HttpSession", "Sessions"]

_IDLE: Final = 1800.0
"""Seconds without a request after which a session has expired."""
_MOST: Final = 10_000
"""Sessions that are kept; the one unused for longest makes room."""


class HttpSession(Session):
    """A legacy session, and the calls under way in it."""

    def __init__(self) -> None:
        super().__init__()
        self.running: dict[RequestId, Call] = {}
        self.used = time.monotonic()


class Sessions:
    """Every session, the one unused for longest first."""

    def __init__(self) -> None:
        self._sessions: dict[str, HttpSession] = {}

    def open(self, session: HttpSession) -> str:
        """Keep a session that `initialize` has opened; return its id."""
        self._expire()
        made = secrets.token_urlsafe(24)
        self._sessions[made] = session
        return made

    def find(self, id: str | None) -> HttpSession:
        """Return a session; raise `Refusal` 400 without an id, 404 for an unknown one."""
        if id is None:
            message = "the header Mcp-Session-Id is missing: begin with 'initialize'"
            raise Refusal(400, message)
        session = self._sessions.pop(id, None)
        now = time.monotonic()
        if session is None or now - session.used > _IDLE:
            raise Refusal(404, "the session is unknown or has expired: begin with 'initialize'")
        session.used = now
        self._sessions[id] = session
        return session

    def close(self, id: str | None) -> HttpSession:
        """End a session and return it; raise `Refusal` as `find` does."""
        session = self.find(id)
        if id is not None:
            del self._sessions[id]
        return session

    def _expire(self) -> None:
        now = time.monotonic()
        for key, session in list(self._sessions.items()):
            if now - session.used <= _IDLE and len(self._sessions) < _MOST:
                return
            del self._sessions[key]
