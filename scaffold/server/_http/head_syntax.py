"""Checks of the head of an HTTP request, before anything in it is used.

Source: RFC 9110 (Semantics), RFC 9112 (HTTP/1.1).
"""

import re
from typing import Final, TypeAlias

Header: TypeAlias = tuple[bytes, bytes]

_MAX_HEAD_BYTES: Final = 64 * 2**10
"""The maximum size of a head in bytes, without separators."""
_MAX_HEADER_LINES: Final = 256
_UNKNOWN_METHOD: Final = ("Invalid method encountered", "Expected space after method")
_UNKNOWN_VERSION: Final = "Invalid HTTP version"
_HOST_HEADER: Final = re.compile(rb"(\[[0-9a-fA-F:.%\w~-]+\]|[\w.~!$&'()*+,;=%\x80-\xff-]+)(:\d*)?")
"""RFC 9110 §7.2: a name or an address, and a port; without user information and path."""
_REQUEST_LINE: Final = re.compile(rb"^[!#$%&'*+.^_`|~\w-]+ \S+ HTTP/1\.[01]\r$", re.MULTILINE)
_ABSOLUTE_URL: Final = re.compile(rb"https?://([^/?#]*)/", re.IGNORECASE)


class HeadError(Exception):
    """The head of a request is refused, with an HTTP status and a reason."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def check_size(target: bytes, headers: list[Header]) -> None:
    """Raise `HeadError` 414 or 431 for a head that is too long, in bytes or in lines."""
    if len(headers) > _MAX_HEADER_LINES:
        raise HeadError(431, f"The request has more than {_MAX_HEADER_LINES} header lines.")
    if len(target) + sum([len(name) + len(value) for name, value in headers]) > _MAX_HEAD_BYTES:
        raise head_too_long(target)


def head_too_long(target: bytes) -> HeadError:
    """Return the refusal of a head that is too long: because of its target, or of its headers."""
    if len(target) > _MAX_HEAD_BYTES // 2:
        return HeadError(414, "The target of the request is too long.")  # RFC 9112 §3
    return HeadError(431, f"The head of the request is longer than {_MAX_HEAD_BYTES} bytes.")


def syntax_error(reason: str, data: bytes) -> HeadError:
    """Return the refusal of data that the parser does not read, for the parser's reason."""
    if reason in _UNKNOWN_METHOD and _REQUEST_LINE.search(data):
        return HeadError(501, "The method of the request is unknown.")  # RFC 9110 §9.1
    if reason == _UNKNOWN_VERSION:
        return HeadError(505, "This version of HTTP is not supported; use HTTP/1.1.")
    return HeadError(400, f"Invalid HTTP request: {reason}.")


def check_head(version: str, method: bytes, target: bytes, headers: list[Header]) -> None:
    """Raise `HeadError` for a head that is invalid, ambiguous or unsupported.

    If the target names a host, it replaces the header `Host` (RFC 9112 §3.2.2).
    """
    check_size(target, headers)
    if version not in ("1.0", "1.1"):
        raise HeadError(505, f"HTTP/{version} is not supported; use HTTP/1.1.")
    if method == b"CONNECT":
        raise HeadError(501, "CONNECT is not supported: this server is not a proxy.")
    _check_coding(version, headers)
    _check_host(version, headers)
    if not target.startswith((b"/", b"*")):
        host = _authority(target)
        headers[:] = [header for header in headers if header[0] != b"host"] + [(b"host", host)]


def _check_coding(version: str, headers: list[Header]) -> None:
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if not codings:
        return
    if version == "1.0":
        raise HeadError(400, "HTTP/1.0 does not allow Transfer-Encoding.")  # RFC 9112 §6.1
    if codings != [b"chunked"]:
        raise HeadError(501, "The only supported Transfer-Encoding is 'chunked'.")


def _check_host(version: str, headers: list[Header]) -> None:
    """Raise `HeadError` unless there is one valid `Host` (RFC 9112 §3.2); HTTP/1.0 may omit it."""
    hosts = [value.strip() for name, value in headers if name == b"host"]
    if len(hosts) != 1 and (hosts or version == "1.1"):
        raise HeadError(400, f"A request must have one header Host; this one has {len(hosts)}.")
    if hosts and not _HOST_HEADER.fullmatch(hosts[0]):
        raise HeadError(400, "The header Host is not a valid host.")


def _authority(target: bytes) -> bytes:
    url = _ABSOLUTE_URL.match(target)
    if url is None or not _HOST_HEADER.fullmatch(url[1]):
        raise HeadError(400, "The target of the request is neither a path nor a URL.")
    return url[1]


def without_upgrade(method: bytes, target: bytes, headers: list[Header]) -> bytes:
    """Write a head without its `Upgrade`, which a server may ignore (RFC 9110 §7.8).

    Java's client asks for HTTP/2 in this way, with every first request.
    """
    kept = [header for header in headers if header[0] not in (b"upgrade", b"connection")]
    for name, value in headers:
        if name == b"connection":
            tokens = [token for token in value.split(b",") if token.strip().lower() != b"upgrade"]
            kept += [(name, b",".join(tokens))] if tokens else []
    lines = b"".join([b"%b: %b\r\n" % header for header in kept])
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, lines)
