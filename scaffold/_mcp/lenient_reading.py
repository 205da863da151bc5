"""Read what servers of others send in place of the required form: reasons of errors, and tools.

JSON-RPC requires an error with an integer code and a text. Servers also send a text alone, codes
that are texts or floats, and messages that are objects. The reason is kept in all these cases. An
invalid tool is repaired or left out.
Sources: JSON-RPC 2.0 §5.1; MCP 2026-07-28, Tools: Data Types.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from scaffold._mcp.jsonrpc import DECODE_ERRORS, is_null
from scaffold.contract._json import Json, JsonObject, is_array, is_object

_MAX_CHARS: Final = 1000
"""Maximum length of a reason in a message."""


class ErrorReason(NamedTuple):
    """The content of the `error` member of a response."""

    code: int | None
    """The code, if it is a whole number."""
    text: str
    """The message and the code, to be shown."""
    data: Json


class _Error(msgspec.Struct):
    code: Raw | UnsetType = UNSET
    message: Raw | UnsetType = UNSET
    data: Raw | UnsetType = UNSET


_decode = msgspec.json.Decoder().decode
_decode_error = msgspec.json.Decoder(_Error).decode


def read_error_reason(error: Raw) -> ErrorReason:
    """Read the `error` member of a response; any JSON value is accepted."""
    try:
        members = _decode_error(error)
    except DECODE_ERRORS:
        return ErrorReason(None, json_as_text(error), None)
    code, message = _value(members.code), _value(members.message)
    if message is None:
        # Shown as a whole: some servers use members of their own instead of a message.
        return ErrorReason(_whole_number(code), json_as_text(error), _value(members.data))
    assert members.message is not UNSET
    number = _whole_number(code)
    describe_value = "" if code is None else f" ({code if number is None else number})"
    return ErrorReason(number, json_as_text(members.message) + describe_value, _value(members.data))


def json_as_text(value: Raw) -> str:
    """Return a JSON string as its text, and any other JSON value as JSON."""
    content = _value(value)
    return _shortened(content) if isinstance(content, str) else excerpt(bytes(value), _MAX_CHARS)


def content_text(content: Json) -> str:
    """Return the text in content blocks; blocks without text are left out."""
    if is_object(content):
        text = content.get("text")
        return text if isinstance(text, str) else ""
    if is_array(content):
        return "\n".join(filter(None, map(content_text, content)))
    return content if isinstance(content, str) else ""


def describe_value(value: Json) -> str:
    """Return a value as an error message shows it where a word was expected."""
    plain = isinstance(value, str | int | float)
    return _shortened(repr(value)) if plain else f"of type {type(value).__name__}"


def excerpt(data: bytes, max_bytes: int = 200) -> str:
    """Return the beginning of unreadable data as text."""
    return data[:max_bytes].decode(errors="backslashreplace").strip()


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_CHARS else text[:_MAX_CHARS] + "…"


def _value(raw: Raw | UnsetType) -> Json:
    """Decode a JSON value; return `None` if it is absent, and an excerpt if it is unreadable."""
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


WarnAboutTool: TypeAlias = Callable[[str, str], None]
"""Called for each invalid tool, with its name and the rest of a sentence about it."""

_ANYTHING: Final[JsonObject] = {"type": "object"}
"""The schema of arguments for a tool without a usable `inputSchema`."""

_decode_tool = msgspec.json.Decoder(JsonObject).decode


def ignore_warning(_tool: str, _what: str) -> None:
    """Do nothing."""


def read_tools(listed: Iterable[Raw], warn: WarnAboutTool) -> list[JsonObject]:
    """Return the usable tools, each with a `name`, a `description` and an `inputSchema`.

    A member that is `null` counts as absent. `warn` is called for each invalid tool.
    """
    tools: list[JsonObject] = []
    for raw in listed:
        try:
            members = _decode_tool(raw)
        except DECODE_ERRORS as error:
            warn(excerpt(bytes(raw), 80), f"is left out: it cannot be read: {error}")
            continue
        tool = {key: value for key, value in members.items() if value is not None}
        name = tool.get("name")
        if not isinstance(name, str) or not name:
            warn(excerpt(bytes(raw), 80), "is left out: it has no name")
            continue
        fixed = [what for fix in _FIXES if (what := fix(tool))]
        if fixed:
            warn(name, "; ".join(fixed))
        tools.append(tool)
    return tools


def _fix_schema(tool: JsonObject) -> str:
    schema = tool.get("inputSchema")
    if is_object(schema):
        return ""
    tool["inputSchema"] = _ANYTHING
    found = (
        "has no 'inputSchema'" if schema is None else "has an 'inputSchema' that is not an object"
    )
    return f"{found}: any arguments are sent"


def _fix_description(tool: JsonObject) -> str:
    description: Json = tool.setdefault("description", "")
    if isinstance(description, str):
        return ""
    tool["description"] = ""
    return "has a 'description' that is not a text: an empty one is used"


def _fix_output_schema(tool: JsonObject) -> str:
    if is_object(tool.get("outputSchema", _ANYTHING)):
        return ""
    del tool["outputSchema"]
    return "has an 'outputSchema' that is not an object: results are not checked"


def _fix_meta(tool: JsonObject) -> str:
    meta: Json = tool.get("_meta", {})
    if is_object(meta):
        tool["_meta"] = {key: value for key, value in meta.items() if value is not None}
        return ""
    del tool["_meta"]
    return "has a '_meta' that is not an object: it is not read"


_FIXES: Final = (_fix_schema, _fix_description, _fix_output_schema, _fix_meta)
