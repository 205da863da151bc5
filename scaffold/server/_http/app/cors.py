"""CORS: response headers for pages of other origins, and responses to preflight requests.

Only origins that `OriginPolicy` allows get them. This module makes no access decision.
Source: Fetch Standard, CORS protocol; Private Network Access (draft, 2024).
"""

import re
from typing import Final

from scaffold.server._http.edge.head_checks import Header
from scaffold.server._protocol.request_context import Headers

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
