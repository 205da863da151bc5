"""Why a server refused, read from whatever form it said that in.

JSON-RPC asks for an object with a number and a text. Servers also send a text alone, codes that are
texts or floats, and messages that are objects: the reason is never lost.
Source: JSON-RPC 2.0 §5.1.
"""

from typing import Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from scaffold._mcp.jsonrpc import DECODE_ERRORS, is_null
from scaffold.contract._json.types import Json, is_array, is_object

__all__ = [
    "ErrorReason",
    "content_text",
    "describe_value",
    "excerpt",
    "json_as_text",
    "read_error_reason",
]

_MAX_CHARS: Final = 1000
"""Characters of a reason that are shown."""


class ErrorReason(NamedTuple):
    """What the `error` of a response says."""

    code: int | None
    """The code, if it is a whole number."""
    text: str
    """The message with the code, for people."""
    data: Json


class _Error(msgspec.Struct):
    code: Raw | UnsetType = UNSET
    message: Raw | UnsetType = UNSET
    data: Raw | UnsetType = UNSET


_decode = msgspec.json.Decoder().decode
_decode_error = msgspec.json.Decoder(_Error).decode


def read_error_reason(error: Raw) -> ErrorReason:
    """Read the `error` of a response, whatever it is."""
    try:
        members = _decode_error(error)
    except DECODE_ERRORS:
        return ErrorReason(None, json_as_text(error), None)
    code, message = _value(members.code), _value(members.message)
    if message is None:
        # All that there is: some servers have members of their own in place of a message.
        return ErrorReason(_whole_number(code), json_as_text(error), _value(members.data))
    assert members.message is not UNSET
    number = _whole_number(code)
    describe_value = "" if code is None else f" ({code if number is None else number})"
    return ErrorReason(number, json_as_text(members.message) + describe_value, _value(members.data))


def json_as_text(value: Raw) -> str:
    """Return a JSON value as text: a string as it is, of anything else its JSON."""
    content = _value(value)
    return _shortened(content) if isinstance(content, str) else excerpt(bytes(value), _MAX_CHARS)


def content_text(content: Json) -> str:
    """Return the text of content blocks, whatever they are."""
    if is_object(content):
        text = content.get("text")
        return text if isinstance(text, str) else ""
    if is_array(content):
        return "\n".join(filter(None, map(content_text, content)))
    return content if isinstance(content, str) else ""


def describe_value(value: Json) -> str:
    """Return a value that should have been a word as an error shows it."""
    plain = isinstance(value, str | int | float)
    return _shortened(repr(value)) if plain else f"of type {type(value).__name__}"


def excerpt(data: bytes, max_bytes: int = 200) -> str:
    """Return the beginning of what cannot be read, as text."""
    return data[:max_bytes].decode(errors="backslashreplace").strip()


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_CHARS else text[:_MAX_CHARS] + "…"


def _value(raw: Raw | UnsetType) -> Json:
    """Return a JSON value; `None` if there is none that can be read."""
    if raw is UNSET or is_null(raw):
        return None
    try:
        return _decode(raw)
    except DECODE_ERRORS:
        return excerpt(bytes(raw), _MAX_CHARS)


def _whole_number(code: Json) -> int | None:
    if isinstance(code, bool) or not isinstance(code, int | float):
        return None
    return int(code) if code == int(code) else None
