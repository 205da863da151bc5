"""What an HTTP request must look like before its body is read or believed.

Source: MCP 2026-07-28, Streamable HTTP: Security, Request Metadata, Server Validation.
"""

import ipaddress
import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from msgspec import UNSET

from scaffold.server.http.refusal import Refusal
from scaffold.server.request import Headers
from scaffold.wire.eras import LEGACY, MODERN, SUPPORTED, Code
from scaffold.wire.headers import decode_value
from scaffold.wire.messages import Message, WireError

__all__ = ["Places", "check_accept", "check_body", "check_mirror"]

_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"
_NAMED: Final = frozenset({"tools/call"})
"""Methods whose `Mcp-Name` header is required."""
_CONTINUE: Final = "100-continue"
_NOT_AT_ALL: Final = re.compile(r"q=0(\.0*)?")
"""A weight of nothing (RFC 9110 §12.4.2)."""
_REMEMBERED: Final = 100


class Places:
    """The hosts that this server answers to, against DNS rebinding.

    A rebinding attack needs a name that its owner controls. Addresses and `localhost` are safe as
    `Host`; other names must have been allowed. A browser's `Origin` must be the host itself, this
    machine, or an allowed name.
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(allowed)
        self._known: set[tuple[str, str]] = set()
        """Pairs of host and origin that have passed; few, and the same again and again."""

    def check(self, headers: Headers) -> None:
        """Raise `Refusal` 403 for a request that comes from, or goes to, a strange place."""
        pair = headers.get("host", ""), headers.get("origin", "")
        if pair in self._known:
            return
        host = _name(f"//{pair[0]}")
        if not self._is_ours(host) and not _is_address(host):
            raise Refusal(403, f"the host '{pair[0]}' is not allowed")
        origin = _name(pair[1])
        if pair[1] and origin != host and not self._is_ours(origin):
            raise Refusal(403, f"the origin '{pair[1]}' is not allowed")
        if len(self._known) < _REMEMBERED:
            self._known.add(pair)

    def _is_ours(self, name: str) -> bool:
        return name == "localhost" or name in self._allowed or _is_loopback(name)


def _name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name).is_loopback


def check_body(headers: Headers) -> None:
    """Raise `Refusal` 415 for a body that is not plain JSON, 417 for what is more than its due."""
    given = headers.get("content-type", "")
    if given != _JSON and given.partition(";")[0].strip().lower() != _JSON:
        raise Refusal(415, f"the content type is '{given}'; it must be {_JSON}")
    coding = headers.get("content-encoding", "identity")
    if coding.lower() not in ("identity", ""):
        raise Refusal(415, f"the content encoding is '{coding}'; it must be none")
    expected = headers.get("expect", _CONTINUE)
    if expected.lower() != _CONTINUE:
        raise Refusal(417, f"the client expects '{expected}'; it may expect {_CONTINUE}")


def check_accept(headers: Headers) -> bool:
    """Tell whether the client reads event streams; raise `Refusal` 406 if it reads no JSON."""
    given = headers.get("accept", "*/*").lower()
    ranges = {_range(one) for one in given.split(",")}
    if ranges.isdisjoint((_JSON, "application/*", "*/*")):
        raise Refusal(406, f"the client must accept {_JSON} and {_EVENTS}")
    return _EVENTS in ranges


def _range(text: str) -> str:
    """Return a media range; nothing if it is one that the client does not want at all."""
    name, *parameters = text.split(";")
    refused = any(_NOT_AT_ALL.fullmatch(parameter.strip()) for parameter in parameters)
    return "" if refused else name.strip()


def check_mirror(headers: Headers, message: Message) -> bool:
    """Hold the headers against the message; tell whether the request is modern.

    Raises `WireError`: the headers must say what the body says (Server Validation).
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
        raise WireError(Code.UNSUPPORTED_VERSION, "Unsupported protocol version", supported)
    _same("MCP-Protocol-Version", header, version)
    method = "" if message.method is UNSET else message.method
    _same("Mcp-Method", headers.get("mcp-method"), method)
    if method in _NAMED:
        name = headers.get("mcp-name")
        try:
            decoded = None if name is None else decode_value(name)
        except ValueError as error:
            raise WireError(Code.HEADER_MISMATCH, f"the header Mcp-Name is {error}") from None
        _same("Mcp-Name", decoded, "" if params is UNSET else params.name)
    return True


def _same(name: str, header: str | None, body: str) -> None:
    if not header:
        raise WireError(Code.HEADER_MISMATCH, f"the header {name} is missing")
    if header != body:
        message = f"the header {name} says '{header}', the body says '{body}'"
        raise WireError(Code.HEADER_MISMATCH, message)
