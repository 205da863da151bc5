"""Where requests may come from, and which names the server answers to, against DNS rebinding.

Source: MCP 2026-07-28, Streamable HTTP: Security; Fetch Standard, CORS protocol.
"""

import logging
import re
import time
from collections.abc import Iterable
from typing import Final

from scaffold.server._hostnames import Patterns, Place
from scaffold.server._http.edge.http_errors import Refusal
from scaffold.server._protocol.request_context import Headers

__all__ = ["Places"]

log = logging.getLogger(__name__)

_ORIGIN: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.IGNORECASE
)
"""RFC 6454 §6.2: a scheme, a host and a port, and nothing that parsers read in different ways."""
_REMEMBERED: Final = 100
_PAUSE: Final = 60.0
"""Seconds between two lines of the log about what is refused."""
_SHOWN: Final = 120
"""Characters of a refused name that are repeated."""
_VARIABLE: Final = "MCP_ALLOWED_HOSTS"


class Places:
    """The hosts that this server answers to.

    A rebinding attack needs a name that its owner controls. Addresses and `localhost` are safe as
    `Host`; other names must have been allowed. A browser's `Origin` must be the host itself, this
    machine, or an allowed name.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = Patterns(allowed)
        self._known: dict[tuple[str, str], bool] = {}
        """Pairs of host and origin that have passed; few, and the same again and again."""
        self._logged = float("-inf")
        self._unlogged = 0

    def check(self, headers: Headers) -> bool:
        """Tell whether pages of the request's origin may read the answer.

        That is so for this machine and for allowed names. Raises `Refusal` 403 for a request that
        comes from, or goes to, a place that is not allowed.
        """
        pair = headers.get("host", ""), headers.get("origin", "")
        shared = self._known.get(pair)
        if shared is None:
            shared = self._look(*pair)
            if len(self._known) < _REMEMBERED:
                self._known[pair] = shared
        return shared

    def _look(self, host: str, origin: str) -> bool:
        asked = Place.of(f"//{host}")
        if not (asked.is_address or asked.is_here or self._allowed.allow(asked)):
            raise self._refusal("host", host)
        if not origin:
            return False
        page = Place.of(origin if _ORIGIN.fullmatch(origin) else "")
        shared = page.is_here or self._allowed.name(page)
        if not (shared or (page.name and page.name == asked.name)):
            raise self._refusal("origin", origin)
        return shared

    def _refusal(self, what: str, name: str) -> Refusal:
        """Refuse a place; tell the log at most once a minute, for anybody can ask for anything."""
        shown = ascii(name[:_SHOWN])
        now = time.monotonic()
        if now - self._logged < _PAUSE:
            self._unlogged += 1
        else:
            left_out = (
                f" ({self._unlogged} more since the last such line)" if self._unlogged else ""
            )
            log.warning(
                "a request is refused: the %s %s is not allowed; %s lists those that are%s",
                what,
                shown,
                _VARIABLE,
                left_out,
            )
            self._logged, self._unlogged = now, 0
        return Refusal(403, f"the {what} {shown} is not allowed; the server allows {_VARIABLE}")
