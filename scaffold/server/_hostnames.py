"""Names of hosts, and the patterns of those that an operator allows.

| pattern | allows |
|---|---|
| `mcp.example.com` | this name, at any port |
| `mcp.example.com:8443` | this name at this port; 80 and 443 also without a port |
| `mcp.example.com:*` | this name, at any port |
| `192.0.2.7`, `[2001:db8::7]:8443` | an address, which matters for `Origin` only |
| `*.example.com` | every name below, not `example.com` itself |
| `*` | every name, for `Host` only |
"""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

__all__ = ["Patterns", "Place", "read_patterns"]

_ANY: Final = "*"
_BELOW: Final = "*."
_LABEL: Final = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_PATTERN: Final = (
    rf"(?P<name>(?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\]|\*)(?::(?P<port>[0-9]+|\*))?"
)
_HIGHEST: Final = 65535
_NOT_A_PORT: Final = 0
_USUAL: Final = frozenset({80, 443})
"""Ports that clients leave out (RFC 9110 §4.2.1, §4.2.2)."""
_FORMS: Final = "write names like mcp.example.com, mcp.example.com:8443, *.example.com or *"


class Place(NamedTuple):
    """A name or an address, and a port if one was written."""

    name: str
    port: int | None = None

    @classmethod
    def of(cls, url: str) -> "Place":
        """Read the place out of a URL; it has no name if there is none that can be read."""
        try:
            parts = urlsplit(url)
            name = (parts.hostname or "").removesuffix(".")
        except ValueError:
            return cls("")
        try:
            return cls(name, parts.port)
        except ValueError:
            return cls(name, _NOT_A_PORT)

    @property
    def is_address(self) -> bool:
        """True for an IP address."""
        return _is_address(self.name)

    @property
    def is_here(self) -> bool:
        """True for this machine: `localhost`, or an address of the loopback."""
        return self.name == "localhost" or (self.is_address and ip_address(self.name).is_loopback)


class Patterns:
    """The patterns that an operator allows, as `read_patterns` returns them."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._named: dict[str, set[int | None]] = {}
        self._below: dict[str, set[int | None]] = {}
        self._any: set[int | None] = set()
        for pattern in patterns:
            name, port = _split(pattern)
            if name == _ANY:
                self._any.add(port)
            elif name.startswith(_BELOW):
                self._below.setdefault(name.removeprefix(_ANY), set()).add(port)
            else:
                self._named.setdefault(name.strip("[]"), set()).add(port)

    def name(self, place: Place) -> bool:
        """Tell whether a pattern other than `*` allows a place."""
        if _has(self._named.get(place.name, ()), place.port):
            return True
        return any(
            place.name.endswith(suffix) and _has(ports, place.port)
            for suffix, ports in self._below.items()
        )

    def allow(self, place: Place) -> bool:
        """Tell whether any pattern allows a place."""
        return self.name(place) or (bool(place.name) and _has(self._any, place.port))


def read_patterns(text: str) -> tuple[str, ...]:
    """Read patterns with commas between them; raise `ValueError` for what can never match."""
    items = [item for item in (part.strip().lower() for part in text.split(",")) if item]
    if not items:
        raise ValueError(f"it names no host: {_FORMS}")
    for item in items:
        _check(item)
    return tuple(item.removesuffix(".") for item in items)


def _check(item: str) -> None:
    if _is_address(item):
        return
    if "://" in item or "/" in item:
        raise ValueError(f"{item!a} is a URL or has a path, and a Host has neither: {_FORMS}")
    match = re.fullmatch(_PATTERN, item.removesuffix("."))
    if match is None or item == f"{_ANY}.":  # a domain was forgotten: it must not mean any host
        raise ValueError(f"{item!a} can match no host: {_FORMS}")
    name, port = match["name"], match["port"]
    if name.startswith("[") and not _is_address(name.strip("[]")):
        raise ValueError(f"{item!a} holds no address")
    if port not in (None, _ANY) and not 0 < int(port[:6]) <= _HIGHEST:
        raise ValueError(f"the port of {item!a} is not between 1 and {_HIGHEST}")


def _split(pattern: str) -> tuple[str, int | None]:
    match = None if _is_address(pattern) else re.fullmatch(_PATTERN, pattern)
    if match is None:
        return pattern, None
    port = match["port"]
    return match["name"], None if port in (None, _ANY) else int(port)


def _has(ports: Iterable[int | None], port: int | None) -> bool:
    return any(one is None or one == port or (port is None and one in _USUAL) for one in ports)


def _is_address(name: str) -> bool:
    try:
        found = ip_address(name)
    except ValueError:
        return False
    return not (isinstance(found, IPv6Address) and found.scope_id)
