"""The sessions of legacy clients over HTTP. A session id is a signed token with the whole session.

A session is the revision that `initialize` has negotiated, and a time. The token contains both,
signed with a secret that all workers share. So any worker serves any session, and no session is
stored. Only ended sessions are stored, in memory that all workers share, and are refused.
Source: MCP 2025-11-25, Transports: Session Management.
"""

import hmac
import mmap
import secrets
import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from scaffold.server._http.http_errors import HttpError
from scaffold.server._protocol.calls import Session

_LIFETIME: Final = 24 * 3600
"""Seconds after which a session expires."""
_OPENED: Final = struct.Struct(">Q8s")
"""When a session was opened, in seconds, and random bytes that make it unique."""
_SIGNATURE_BYTES: Final = 16
"""The length of a signature."""
_ENDED_SLOTS: Final = 4096
"""Slots for signatures of ended sessions. A newer one may overwrite an older one."""


class SessionTokens:
    """Opens, verifies and closes sessions. Create it before workers are forked."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._ended_signatures = mmap.mmap(-1, _ENDED_SLOTS * _SIGNATURE_BYTES)

    def open(self, session: Session) -> str:
        """Return the token of a session that `initialize` has opened."""
        opened = _OPENED.pack(int(time.time()), secrets.token_bytes(8))
        content = opened + session.version.encode()
        return urlsafe_b64encode(content + self._sign(content)).decode().rstrip("=")

    def find(self, id: str | None) -> Session:
        """Return a session; raise `HttpError` 400 without an id, 404 for an unknown one."""
        return self._verify(id)[0]

    def close(self, id: str | None) -> None:
        """End a session; raise `HttpError` as `find` does."""
        _session, signature = self._verify(id)
        slot = _slot(signature)
        self._ended_signatures[slot : slot + _SIGNATURE_BYTES] = signature

    def _verify(self, id: str | None) -> tuple[Session, bytes]:
        if id is None:
            message = "the header Mcp-Session-Id is missing; call 'initialize' first"
            raise HttpError(400, message)
        token = _decode(id)
        content, signature = token[:-_SIGNATURE_BYTES], token[-_SIGNATURE_BYTES:]
        slot = _slot(signature)
        is_valid = len(content) > _OPENED.size and hmac.compare_digest(
            signature, self._sign(content)
        )
        if (
            not is_valid
            or self._ended_signatures[slot : slot + _SIGNATURE_BYTES] == signature
            or _is_expired(content)
        ):
            raise HttpError(404, "the session is unknown or has expired; call 'initialize' again")
        return Session(content[_OPENED.size :].decode()), signature

    def _sign(self, content: bytes) -> bytes:
        return hmac.digest(self._secret, content, "sha256")[:_SIGNATURE_BYTES]


def _decode(id: str) -> bytes:
    try:
        return urlsafe_b64decode(id.encode("ascii") + b"=" * (-len(id) % 4))
    except ValueError:
        return b""


def _is_expired(content: bytes) -> bool:
    opened: int = _OPENED.unpack_from(content)[0]
    return time.time() - opened > _LIFETIME


def _slot(signature: bytes) -> int:
    """Return the offset of the slot for an ended session."""
    return int.from_bytes(signature[:4]) % _ENDED_SLOTS * _SIGNATURE_BYTES
