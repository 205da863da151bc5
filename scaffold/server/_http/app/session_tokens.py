"""The sessions of legacy clients over HTTP: all there is to know of one stands in its id.

A session is the revision that `initialize` chose, and when. The id says both, signed with a secret
of the server: whoever shares the secret serves the session, and none has to be kept. A session that
its client has ended is remembered, so that it is refused, in memory that all workers share.
Source: MCP 2025-11-25, Transports: Session Management.
"""

import hmac
import mmap
import secrets
import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from scaffold.server._http.edge.http_errors import Refusal
from scaffold.server._protocol.request_context import Session

__all__ = ["Sessions"]

_LIFE: Final = 24 * 3600
"""Seconds after which a session has expired."""
_BEGUN: Final = struct.Struct(">Q8s")
"""When a session was opened, in seconds, and what tells it from others of that second."""
_SEAL: Final = 16
"""Bytes of the signature."""
_ENDED: Final = 4096
"""Places for ended sessions to be remembered at: each has one, and may lose it to another."""


class Sessions:
    """Opens sessions, knows them again, and forgets them. Make it before workers are forked."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._ended = mmap.mmap(-1, _ENDED * _SEAL)

    def open(self, session: Session) -> str:
        """Return the id of a session that `initialize` has opened."""
        begun = _BEGUN.pack(int(time.time()), secrets.token_bytes(8))
        said = begun + session.version.encode()
        return urlsafe_b64encode(said + self._seal(said)).decode().rstrip("=")

    def find(self, id: str | None) -> Session:
        """Return a session; raise `Refusal` 400 without an id, 404 for an unknown one."""
        return self._read(id)[0]

    def close(self, id: str | None) -> None:
        """End a session; raise `Refusal` as `find` does."""
        _session, seal = self._read(id)
        place = _place(seal)
        self._ended[place : place + _SEAL] = seal

    def _read(self, id: str | None) -> tuple[Session, bytes]:
        if id is None:
            message = "the header Mcp-Session-Id is missing: begin with 'initialize'"
            raise Refusal(400, message)
        given = _bytes(id)
        said, seal = given[:-_SEAL], given[-_SEAL:]
        place = _place(seal)
        known = len(said) > _BEGUN.size and hmac.compare_digest(seal, self._seal(said))
        if not known or self._ended[place : place + _SEAL] == seal or _is_old(said):
            raise Refusal(404, "the session is unknown or has expired: begin with 'initialize'")
        return Session(said[_BEGUN.size :].decode()), seal

    def _seal(self, said: bytes) -> bytes:
        return hmac.digest(self._secret, said, "sha256")[:_SEAL]


def _bytes(id: str) -> bytes:
    try:
        return urlsafe_b64decode(id.encode("ascii") + b"=" * (-len(id) % 4))
    except ValueError:
        return b""


def _is_old(said: bytes) -> bool:
    begun: int = _BEGUN.unpack_from(said)[0]
    return time.time() - begun > _LIFE


def _place(seal: bytes) -> int:
    """Return where it is noted that a session has ended."""
    return int.from_bytes(seal[:4]) % _ENDED * _SEAL
