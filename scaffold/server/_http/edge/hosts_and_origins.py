"""Which hosts and origins a request may name: the protection against DNS rebinding.

Source: MCP 2026-07-28, Streamable HTTP: Security; Fetch Standard, CORS protocol.
"""

import logging
import re
import time
from collections.abc import Iterable
from typing import Final

from scaffold.server._hostnames import HostPatterns, HostPort
from scaffold.server._http.edge.http_errors import HttpError
from scaffold.server._protocol.request_context import Headers

log = logging.getLogger(__name__)

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
