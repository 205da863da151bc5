"""Credentials, and how they are kept out of what is shown: in every form that a server may echo.

Source: RFC 7617 (Basic), RFC 6750 (Bearer), RFC 3986 §3.2.1 (userinfo).
"""

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus

from scaffold.contract._json.types import Json, is_array, is_object

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
