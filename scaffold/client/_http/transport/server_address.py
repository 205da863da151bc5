"""The address of a server: URL, headers, credentials and trusted certificates.

Secrets are never shown. The text of an address has no user, password and query, and `redact`
removes secrets from text that a server has echoed, in every form that a server may echo.

Source: RFC 7617 (Basic), RFC 6750 (Bearer), RFC 3986 §3.2.1 (userinfo).
"""

import base64
import binascii
import html
import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlsplit

from scaffold.contract._errors.errors import ConnectFailed
from scaffold.contract._json import Json, is_array, is_object

_SHORTEST: Final = 4
"""Characters of a secret that is looked for: shorter ones would hide words."""
_SHORTEST_PART: Final = 8
"""Characters that are hidden of a secret whose end was cut off."""
_HARMLESS: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "content-type", "user-agent"}
)
_ASSIGNED: Final = re.compile(r'=\s*"?([^\s;,"]+)')
"""What follows `=` in a cookie or a challenge."""
_MASK: Final = "***"


class Secrets:
    """The credentials of one address.

    Args:
        user: The user of the URL, as it is written there.
        password: The password of the URL, as it is written there.
        query: The query of the URL.
        headers: What every request carries.
    """

    def __init__(self, user: str, password: str, query: str, headers: Mapping[str, str]) -> None:
        found = {*_of_url(user, password, query), *_of_headers(headers)}
        forms = {form for secret in found for form in _forms(secret)}
        self._forms = sorted((f for f in forms if len(f) >= _SHORTEST), key=len, reverse=True)
        # Percent-encoded bytes have digits of either case.
        whole = "|".join(map(re.escape, self._forms)) or "(?!)"
        self._whole = re.compile(whole, re.IGNORECASE)

    def redact(self, text: str) -> str:
        """Return the text without the secrets, and without the beginnings of them."""
        text = self._whole.sub(_MASK, text)
        for secret in self._forms:
            if len(secret) > _SHORTEST_PART and secret[:_SHORTEST_PART] in text:
                text = _without_beginning(text, secret)
        return text

    def redact_json(self, value: Json) -> Json:
        """Return a JSON value whose texts are without the secrets."""
        if isinstance(value, str):
            return self.redact(value)
        if is_object(value):
            return {self.redact(name): self.redact_json(inner) for name, inner in value.items()}
        return list(map(self.redact_json, value)) if is_array(value) else value

    def __repr__(self) -> str:
        return f"<{len(self._forms)} secrets>"


def _without_beginning(text: str, secret: str) -> str:
    """Take out of a text what is there of a secret whose end is missing."""
    part = secret[:_SHORTEST_PART]
    start = text.find(part)
    while start >= 0:
        end = start + len(part)
        while end < len(text) and text[start : end + 1] == secret[: end + 1 - start]:
            end += 1
        text = text[:start] + _MASK + text[end:]
        start = text.find(part)
    return text


def _of_url(user: str, password: str, query: str) -> Iterator[str]:
    if password:
        yield from (password, unquote(password))
        yield from (f"{user}:{password}", f"{unquote(user)}:{unquote(password)}")
    elif user:  # a token in the place of a user
        yield from (user, unquote(user))
    if query:
        yield from (query, unquote_plus(query))
        for _name, value in parse_qsl(query):
            yield from (value, quote(value, ""))


def _of_headers(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if name.lower() in _HARMLESS:
            continue
        yield value
        yield from value.split()
        yield from _ASSIGNED.findall(value)
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "basic":
            yield from _of_basic(token)


def _of_basic(token: str) -> Iterator[str]:
    yield token.rstrip("=")
    try:
        pair = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return
    yield pair
    yield pair.partition(":")[2]


def _forms(secret: str) -> Iterable[str]:
    """Return how a secret may be written by what echoes it."""
    written = json.dumps(secret)[1:-1]
    quoted = [quote(secret), quote(secret, ""), quote_plus(secret)]
    urlsafe = secret.replace("+", "-").replace("/", "_")
    return {
        *(secret, written, written.replace("/", "\\/"), repr(secret)[1:-1]),
        *(html.escape(secret), urlsafe, *quoted),
    }


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
