"""Checks of an HTTP request's headers, before its body is read, and against its body.

The hosts and origins that a request may name protect against DNS rebinding. Pages of an allowed
origin get CORS headers, which make no access decision.
Source: MCP 2026-07-28, Streamable HTTP: Security, Request Metadata, Server Validation; Fetch
Standard, CORS protocol; Private Network Access (draft, 2024).
"""

import hmac
import logging
import re
import time
from collections.abc import Iterable
from typing import Final

from msgspec import UNSET

from scaffold._mcp.http_headers import decode_header_value
from scaffold._mcp.jsonrpc import JsonRpcError, Message
from scaffold._mcp.protocol_versions import LEGACY, MODERN, SUPPORTED, ErrorCode
from scaffold.server._hostnames import HostPatterns, HostPort
from scaffold.server._http.head_syntax import Header
from scaffold.server._http.http_errors import HttpError
from scaffold.server._protocol.calls import Headers

log = logging.getLogger(__name__)

_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"
_NAMED_METHODS: Final = frozenset({"tools/call"})
"""Methods whose `Mcp-Name` header is required."""
_CONTINUE: Final = "100-continue"
_UNSUPPORTED: Final = "Unsupported protocol version"
_ZERO_WEIGHT: Final = re.compile(r"q=0(\.0*)?")
"""A quality of zero (RFC 9110 §12.4.2): the client does not accept the range."""

_ORIGIN: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.IGNORECASE
)
"""RFC 6454 §6.2: scheme, host and port; nothing that parsers could read in different ways."""
_MAX_REMEMBERED: Final = 100
_LOG_INTERVAL: Final = 60.0
"""Seconds between two log lines about refused requests."""
_MAX_SHOWN: Final = 120
"""Characters of a refused name that are shown."""
_VARIABLE: Final = "MCP_ALLOWED_HOSTS"

_ALLOWED_METHODS: Final = b"POST, DELETE"
_EXPOSED_HEADERS: Final = b"Mcp-Session-Id, Retry-After, WWW-Authenticate"
_MAX_AGE_SECONDS: Final = b"7200"
"""For so long a browser may keep the answer; more is not kept by all of them."""
_REQUESTED_HEADERS: Final = "access-control-request-headers"
_ALLOWED_HEADER: Final = re.compile(
    "accept|authorization|baggage|cache-control|content-type|last-event-id|traceparent|tracestate"
    "|mcp-[a-z0-9!#$%&'*+.^_`|~-]+"
)
"""The headers that a client of MCP sends (Streamable HTTP: Request Metadata, `Mcp-Param-*`)."""
_VARY: Final = (
    b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
    b"Access-Control-Request-Private-Network"
)


class OriginPolicy:
    """Decides which values of `Host` and `Origin` are allowed.

    A rebinding attack needs a name that the attacker controls. So addresses and `localhost` are
    safe as `Host`; other names must be allowed by the operator. A browser's `Origin` must be the
    same host, this machine, or an allowed name.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = HostPatterns(allowed)
        self._checked_pairs: dict[tuple[str, str], bool] = {}
        """Pairs of host and origin that have passed; clients repeat the same few."""
        self._logged = float("-inf")
        self._unlogged = 0

    def check(self, headers: Headers) -> bool:
        """Return whether pages of the request's origin may read the response.

        They may if the origin is this machine or an allowed name.

        Raises:
            HttpError: 403 if the host or the origin is not allowed.
        """
        pair = headers.get("host", ""), headers.get("origin", "")
        is_shared = self._checked_pairs.get(pair)
        if is_shared is None:
            is_shared = self._decide(*pair)
            if len(self._checked_pairs) < _MAX_REMEMBERED:
                self._checked_pairs[pair] = is_shared
        return is_shared

    def _decide(self, host: str, origin: str) -> bool:
        requested_host = HostPort.from_url(f"//{host}")
        if not (
            requested_host.is_address
            or requested_host.is_loopback
            or self._allowed.allows(requested_host)
        ):
            raise self._forbidden("host", host)
        if not origin:
            return False
        page_origin = HostPort.from_url(origin if _ORIGIN.fullmatch(origin) else "")
        is_shared = page_origin.is_loopback or self._allowed.matches_name(page_origin)
        if not (is_shared or (page_origin.name and page_origin.name == requested_host.name)):
            raise self._forbidden("origin", origin)
        return is_shared

    def _forbidden(self, header: str, name: str) -> HttpError:
        """Return the error. It is logged once a minute at most, since any client can cause it."""
        shown = ascii(name[:_MAX_SHOWN])
        now = time.monotonic()
        if now - self._logged < _LOG_INTERVAL:
            self._unlogged += 1
        else:
            left_out = (
                f" ({self._unlogged} more since the last such line)" if self._unlogged else ""
            )
            log.warning(
                "request refused: the %s %s is not allowed; set %s to allow it%s",
                header,
                shown,
                _VARIABLE,
                left_out,
            )
            self._logged, self._unlogged = now, 0
        return HttpError(403, f"the {header} {shown} is not allowed; {_VARIABLE} sets which are")


def cors_headers(origin: str) -> tuple[Header, ...]:
    """Return the headers with which pages of an allowed origin may read an answer."""
    return (
        (b"access-control-allow-origin", origin.encode("ascii")),
        (b"access-control-expose-headers", _EXPOSED_HEADERS),
        (b"vary", b"Origin"),
    )


def is_preflight(method: str, headers: Headers) -> bool:
    """Tell whether a browser asks what a page may send."""
    return method == "OPTIONS" and "access-control-request-method" in headers


def preflight_headers(headers: Headers) -> tuple[Header, ...]:
    """Return the headers that answer the preflight of an allowed origin."""
    requested = (name.strip() for name in headers.get(_REQUESTED_HEADERS, "").lower().split(","))
    names = ", ".join(dict.fromkeys(name for name in requested if _ALLOWED_HEADER.fullmatch(name)))
    private_network = headers.get("access-control-request-private-network", "").lower() == "true"
    return (
        (b"access-control-allow-origin", headers["origin"].encode("ascii")),
        (b"access-control-allow-methods", _ALLOWED_METHODS),
        *(((b"access-control-allow-headers", names.encode("ascii")),) if names else ()),
        *(((b"access-control-allow-private-network", b"true"),) if private_network else ()),
        (b"access-control-max-age", _MAX_AGE_SECONDS),
        (b"vary", _VARY),
    )


def check_token(headers: Headers, token: str) -> None:
    """Raise `HttpError` 401 for a request without the server's token, if it has one."""
    given = headers.get("authorization", "").encode("latin-1")
    if token and not hmac.compare_digest(given, f"Bearer {token}".encode("latin-1")):
        raise HttpError(401, "this server requires the token of the host that started it")


def check_body(headers: Headers) -> None:
    """Raise `HttpError` 415 for a body that is not plain JSON, 417 for an unknown `Expect`."""
    given = headers.get("content-type", "")
    if given != _JSON and given.partition(";")[0].strip().lower() != _JSON:
        raise HttpError(415, f"the content type is '{given}'; it must be {_JSON}")
    coding = headers.get("content-encoding", "identity")
    if coding.lower() not in ("identity", ""):
        raise HttpError(415, f"the content encoding is '{coding}'; it must be none")
    expected = headers.get("expect", _CONTINUE)
    if expected.lower() != _CONTINUE:
        raise HttpError(417, f"the client expects '{expected}'; it may expect {_CONTINUE}")


def check_accept(headers: Headers) -> bool:
    """Return whether the client accepts event streams; raise `HttpError` 406 if not even JSON."""
    given = headers.get("accept", "*/*").lower()
    ranges = {_range(media_range) for media_range in given.split(",")}
    if ranges.isdisjoint((_JSON, "application/*", "*/*")):
        raise HttpError(406, f"the client must accept {_JSON} and {_EVENTS}")
    return _EVENTS in ranges


def _range(text: str) -> str:
    """Return a media range; empty if its quality is zero."""
    name, *parameters = text.split(";")
    refused = any(_ZERO_WEIGHT.fullmatch(parameter.strip()) for parameter in parameters)
    return "" if refused else name.strip()


def check_mirrored_headers(headers: Headers, message: Message) -> bool:
    """Compare the headers with the message; return whether the request is modern.

    Raises:
        JsonRpcError: If a header does not equal the body (Server Validation).
    """
    header = headers.get("mcp-protocol-version", "")
    params = message.params
    meta = UNSET if params is UNSET else params.meta
    version = "" if meta is UNSET else meta.version
    if not version and header in ("", *LEGACY):
        return False
    if message.id is UNSET:
        return bool(version) or header == MODERN
    if not version and header == MODERN:
        return True
    if not version:
        supported = {"supported": SUPPORTED, "requested": header}
        raise JsonRpcError(ErrorCode.UNSUPPORTED_VERSION, _UNSUPPORTED, supported)
    _check_same("MCP-Protocol-Version", header, version)
    if message.method is UNSET:
        return True  # the missing method is the error, not the header
    method = message.method
    _check_same("Mcp-Method", headers.get("mcp-method"), method)
    if method in _NAMED_METHODS:
        name = headers.get("mcp-name")
        try:
            decoded = None if name is None else decode_header_value(name)
        except ValueError as error:
            raise JsonRpcError(
                ErrorCode.HEADER_MISMATCH, f"the header Mcp-Name is {error}"
            ) from None
        _check_same("Mcp-Name", decoded, "" if params is UNSET else params.name)
    return True


def _check_same(name: str, header: str | None, body: str) -> None:
    if not header:
        raise JsonRpcError(ErrorCode.HEADER_MISMATCH, f"the header {name} is missing")
    if header != body:
        message = f"the header {name} says '{header}', the body says '{body}'"
        raise JsonRpcError(ErrorCode.HEADER_MISMATCH, message)
