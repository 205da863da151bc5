"""The address of a server: URL, headers, credentials and trusted certificates.

Secrets are never shown. The text of an address has no user, password and query, and `redact`
removes secrets from text that a server has echoed.
"""

import base64
import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from scaffold.client._http.transport.redaction import Secrets
from scaffold.contract._errors.errors import ConnectFailed

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

_PRINTABLE_ASCII: Final = frozenset(map(chr, range(0x20, 0x7F)))
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 §5.6.2"""
_IN_PATH: Final = "/%:@!$&'()*+,;=~"
_IN_QUERY: Final = _IN_PATH + "?"
_PORTS: Final = {"http": 80, "https": 443}


class ServerAddress:
    """A URL, the headers of every request, and the certificates that are trusted.

    `tls_ca_bundle` is a PEM file whose certificates are trusted as well as the system's.
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
        self.tls_ca_bundle = tls_ca_bundle
        self.tls_verify = tls_verify
        try:
            parts = urlsplit(url)
            self.host = parts.hostname or ""
            port = "" if parts.port is None else f":{parts.port}"
        except ValueError as error:
            raise ConnectFailed(f"the URL of the plugin cannot be read: {error}") from None
        host = f"[{self.host}]" if ":" in self.host else self.host
        self._shown = f"{parts.scheme}://{host}{port}{parts.path}"
        if parts.scheme not in ("http", "https") or not host:
            raise ConnectFailed(f"'{self._shown}' is not an http:// or https:// URL")
        self.port = parts.port or _PORTS[parts.scheme]
        self.authority = host + port
        """Where a request says that it goes to (RFC 9112 §3.2)."""
        self.target = quote(parts.path or "/", _IN_PATH)
        """What a request asks for (RFC 9112 §3.2.1)."""
        if parts.query:
            self.target += "?" + quote(parts.query, _IN_QUERY)
        self._plain = parts.scheme == "http"
        for name, value in headers.items():
            if not _TOKEN.fullmatch(name):
                raise ConnectFailed(f"{self._shown}: '{name}' is not a valid header name")
            if not _PRINTABLE_ASCII.issuperset(value):
                reason = f"the value of the header '{name}' holds characters that HTTP forbids"
                raise ConnectFailed(f"{self._shown}: {reason}")
        given = {name.lower(): value for name, value in headers.items()}
        self.fields = _fields(parts.username, parts.password) | given
        """What every request carries; names in lower case."""
        self.secrets = Secrets(parts.username or "", parts.password or "", parts.query, self.fields)

    @property
    def is_loopback(self) -> bool:
        """True if the server is on this machine: no proxy stands between."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def uses_tls(self) -> bool:
        """True if connections are secured by TLS."""
        return not self._plain

    @property
    def has_pinned_certificate(self) -> bool:
        """True if certificates are trusted for this address alone."""
        return self.uses_tls and self.tls_verify and self.tls_ca_bundle is not None

    @property
    def needs_proxy(self) -> bool:
        """True if the environment asks for a proxy on the way to the server."""
        from urllib.request import getproxies, proxy_bypass

        proxies = getproxies()
        wanted = "https" if self.uses_tls else "http"
        asked = wanted in proxies or "all" in proxies
        return asked and not self.is_loopback and not proxy_bypass(self.host)

    @property
    def is_plain_loopback(self) -> bool:
        """True for plain HTTP to this machine: no network, no proxy, no TLS."""
        return self._plain and self.is_loopback

    def redact(self, text: str) -> str:
        """Return the text without the secrets of this address."""
        return self.secrets.redact(text)

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"<Address {self._shown}>"


def _fields(user: str | None, password: str | None) -> dict[str, str]:
    fields = {
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "user-agent": "hookspec-scaffold",
    }
    if user or password:  # RFC 7617
        pair = f"{unquote(user or '')}:{unquote(password or '')}"
        fields["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return fields
