"""Checks of an HTTP request's headers, before its body is read, and against its body.

Source: MCP 2026-07-28, Streamable HTTP: Security, Request Metadata, Server Validation.
"""

import hmac
import re
from typing import Final

from msgspec import UNSET

from scaffold._mcp.http_headers import decode_header_value
from scaffold._mcp.jsonrpc import JsonRpcError, Message
from scaffold._mcp.protocol_versions import LEGACY, MODERN, SUPPORTED, ErrorCode
from scaffold.server._http.edge.http_errors import HttpError
from scaffold.server._protocol.request_context import Headers

_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"
_NAMED_METHODS: Final = frozenset({"tools/call"})
"""Methods whose `Mcp-Name` header is required."""
_CONTINUE: Final = "100-continue"
_UNSUPPORTED: Final = "Unsupported protocol version"
_ZERO_WEIGHT: Final = re.compile(r"q=0(\.0*)?")
"""A quality of zero (RFC 9110 §12.4.2): the client does not accept the range."""


def check_token(headers: Headers, token: str) -> None:
    """Raise `HttpError` 401 for a request without the server's token, if it has one."""
    given = headers.get("authorization", "").encode("latin-1")
    if token and not hmac.compare_digest(given, f"Bearer {token}".encode("latin-1")):
        raise HttpError(401, "this server requires the token of the host that started it")


def check_body(headers: Headers) -> None:
    """Raise `HttpError` 415 for a body that is not plain JSON, 417 for an unknown `Expect`."""
    given = headers.get("content-type", "")
    if given != _JSON and given.partition(";")[0].strip().lower() != _JSON:
        raise HttpError(415, f"the content type is '{given}'; it must be {_JSON}")
    coding = headers.get("content-encoding", "identity")
    if coding.lower() not in ("identity", ""):
        raise HttpError(415, f"the content encoding is '{coding}'; it must be none")
    expected = headers.get("expect", _CONTINUE)
    if expected.lower() != _CONTINUE:
        raise HttpError(417, f"the client expects '{expected}'; it may expect {_CONTINUE}")


def check_accept(headers: Headers) -> bool:
    """Return whether the client accepts event streams; raise `HttpError` 406 if not even JSON."""
    given = headers.get("accept", "*/*").lower()
    ranges = {_range(media_range) for media_range in given.split(",")}
    if ranges.isdisjoint((_JSON, "application/*", "*/*")):
        raise HttpError(406, f"the client must accept {_JSON} and {_EVENTS}")
    return _EVENTS in ranges


def _range(text: str) -> str:
    """Return a media range; empty if its quality is zero."""
    name, *parameters = text.split(";")
    refused = any(_ZERO_WEIGHT.fullmatch(parameter.strip()) for parameter in parameters)
    return "" if refused else name.strip()


def check_mirrored_headers(headers: Headers, message: Message) -> bool:
    """Compare the headers with the message; return whether the request is modern.

    Raises:
        JsonRpcError: If a header does not equal the body (Server Validation).
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
        raise JsonRpcError(ErrorCode.UNSUPPORTED_VERSION, _UNSUPPORTED, supported)
    _check_same("MCP-Protocol-Version", header, version)
    if message.method is UNSET:
        return True  # the missing method is the error, not the header
    method = message.method
    _check_same("Mcp-Method", headers.get("mcp-method"), method)
    if method in _NAMED_METHODS:
        name = headers.get("mcp-name")
        try:
            decoded = None if name is None else decode_header_value(name)
        except ValueError as error:
            raise JsonRpcError(
                ErrorCode.HEADER_MISMATCH, f"the header Mcp-Name is {error}"
            ) from None
        _check_same("Mcp-Name", decoded, "" if params is UNSET else params.name)
    return True


def _check_same(name: str, header: str | None, body: str) -> None:
    if not header:
        raise JsonRpcError(ErrorCode.HEADER_MISMATCH, f"the header {name} is missing")
    if header != body:
        message = f"the header {name} says '{header}', the body says '{body}'"
        raise JsonRpcError(ErrorCode.HEADER_MISMATCH, message)
