"""Where a server is, what proves to it who we are, and how both are spoken of.

A secret must not be seen: an address shows itself without user, password and query, and takes
secrets out of whatever a server may have echoed.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from scaffold.contract.errors import ConnectFailed

__all__ = ["NO_HEADERS", "Address"]

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

_PRINTABLE_ASCII: Final = frozenset(map(chr, range(0x20, 0x7F)))
_SHORTEST_SECRET: Final = 4


class Address:
    """A URL with the headers that every request to it carries, and whom to trust there.

    `tls_ca_bundle` is a PEM file whose certificates are trusted beside the system's.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        tls_ca_bundle: Path | None = None,
        tls_verify: bool = True,
    ) -> None:
        self.url = url
        self.headers = dict(headers)
        self.tls_ca_bundle = tls_ca_bundle
        self.tls_verify = tls_verify
        try:
            parts = urlsplit(url)
            self._host = parts.hostname or ""
            port = "" if parts.port is None else f":{parts.port}"
        except ValueError as error:
            raise ConnectFailed(f"the URL of the plugin cannot be read: {error}") from None
        host = f"[{self._host}]" if ":" in self._host else self._host
        self._shown = f"{parts.scheme}://{host}{port}{parts.path}"
        if parts.scheme not in ("http", "https") or not host:
            raise ConnectFailed(f"'{self._shown}' is no http:// or https:// URL")
        for name, value in headers.items():
            if not _PRINTABLE_ASCII.issuperset(value):
                reason = f"the value of the header '{name}' holds characters that HTTP forbids"
                raise ConnectFailed(f"{self._shown}: {reason}")
        secrets = [parts.password or "", parts.query]
        secrets += [part for value in headers.values() for part in (value, *value.split())]
        self._secrets = sorted(secrets, key=len, reverse=True)

    @property
    def loopback(self) -> bool:
        """True if the server is on this machine: no proxy stands between."""
        if self._host == "localhost" or self._host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self._host).is_loopback
        except ValueError:
            return False

    def hide(self, text: str) -> str:
        """Return the text without our secrets."""
        for secret in self._secrets:
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return text

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"<Address {self._shown}>"
