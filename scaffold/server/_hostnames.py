"""Host names, and the patterns with which an operator allows them.

| pattern | allows |
|---|---|
| `mcp.example.com` | this name, at any port |
| `mcp.example.com:8443` | this name at this port; 80 and 443 also without a port |
| `mcp.example.com:*` | this name, at any port |
| `192.0.2.7`, `[2001:db8::7]:8443` | an address; only `Origin` needs it |
| `*.example.com` | every subdomain, not `example.com` itself |
| `*` | every name, for `Host` only |
"""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

_WILDCARD: Final = "*"
_SUBDOMAINS: Final = "*."
_LABEL: Final = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_PATTERN: Final = (
    rf"(?P<name>(?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\]|\*)(?::(?P<port>[0-9]+|\*))?"
)
_MAX_PORT: Final = 65535
_INVALID_PORT: Final = 0
_DEFAULT_PORTS: Final = frozenset({80, 443})
"""Default ports, which clients omit (RFC 9110 §4.2.1, §4.2.2)."""
_EXAMPLES: Final = "write names like mcp.example.com, mcp.example.com:8443, *.example.com or *"


class HostPort(NamedTuple):
    """A host name or IP address, and a port if there is one."""

    name: str
    port: int | None = None

    @classmethod
    def from_url(cls, url: str) -> "HostPort":
        """Return the host and port of a URL; the name is empty if the URL is invalid."""
        try:
            parts = urlsplit(url)
            name = (parts.hostname or "").removesuffix(".")
        except ValueError:
            return cls("")
        try:
            return cls(name, parts.port)
        except ValueError:
            return cls(name, _INVALID_PORT)

    @property
    def is_address(self) -> bool:
        """True for an IP address."""
        return _is_address(self.name)

    @property
    def is_loopback(self) -> bool:
        """True for this machine: `localhost` or a loopback address."""
        return self.name == "localhost" or (self.is_address and ip_address(self.name).is_loopback)


class HostPatterns:
    """The host patterns that an operator allows, as `parse_host_patterns` returns them."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._by_name: dict[str, set[int | None]] = {}
        self._by_suffix: dict[str, set[int | None]] = {}
        self._wildcard_ports: set[int | None] = set()
        for pattern in patterns:
            name, port = _split_pattern(pattern)
            if name == _WILDCARD:
                self._wildcard_ports.add(port)
            elif name.startswith(_SUBDOMAINS):
                self._by_suffix.setdefault(name.removeprefix(_WILDCARD), set()).add(port)
            else:
                self._by_name.setdefault(name.strip("[]"), set()).add(port)

    def matches_name(self, host: HostPort) -> bool:
        """Return whether a pattern other than `*` allows a host."""
        if _contains_port(self._by_name.get(host.name, ()), host.port):
            return True
        return any(
            host.name.endswith(suffix) and _contains_port(ports, host.port)
            for suffix, ports in self._by_suffix.items()
        )

    def allows(self, host: HostPort) -> bool:
        """Return whether any pattern allows a host."""
        return self.matches_name(host) or (
            bool(host.name) and _contains_port(self._wildcard_ports, host.port)
        )


def parse_host_patterns(text: str) -> tuple[str, ...]:
    """Parse comma-separated patterns; raise `ValueError` for a pattern that can never match."""
    items = [item for item in (part.strip().lower() for part in text.split(",")) if item]
    if not items:
        raise ValueError(f"it contains no host name: {_EXAMPLES}")
    for item in items:
        _check_pattern(item)
    return tuple(item.removesuffix(".") for item in items)


def _check_pattern(item: str) -> None:
    if _is_address(item):
        return
    if "://" in item or "/" in item:
        raise ValueError(f"{item!a} is a URL or has a path; write only the host: {_EXAMPLES}")
    match = re.fullmatch(_PATTERN, item.removesuffix("."))
    if (
        match is None or item == f"{_WILDCARD}."
    ):  # a domain was forgotten: it must not mean any host
        raise ValueError(f"{item!a} cannot match any host: {_EXAMPLES}")
    name, port = match["name"], match["port"]
    if name.startswith("[") and not _is_address(name.strip("[]")):
        raise ValueError(f"{item!a} is not a valid IPv6 address")
    if port not in (None, _WILDCARD) and not 0 < int(port[:6]) <= _MAX_PORT:
        raise ValueError(f"the port of {item!a} must be between 1 and {_MAX_PORT}")


def _split_pattern(pattern: str) -> tuple[str, int | None]:
    match = None if _is_address(pattern) else re.fullmatch(_PATTERN, pattern)
    if match is None:
        return pattern, None
    port = match["port"]
    return match["name"], None if port in (None, _WILDCARD) else int(port)


def _contains_port(ports: Iterable[int | None], port: int | None) -> bool:
    return any(
        allowed is None or allowed == port or (port is None and allowed in _DEFAULT_PORTS)
        for allowed in ports
    )


def _is_address(name: str) -> bool:
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return not (isinstance(address, IPv6Address) and address.scope_id)
