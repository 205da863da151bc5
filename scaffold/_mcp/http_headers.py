"""HTTP headers that repeat parts of a request, so that proxies need not parse its body.

Source: MCP 2026-07-28, Streamable HTTP: Request Metadata, Custom Headers from Tool Parameters.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from scaffold._mcp.jsonrpc import DECODE_ERRORS, JsonRpcError
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold.contract._json import Json, JsonObject, is_array, is_object

_PREFIX: Final = "=?base64?"
_SUFFIX: Final = "?="
_PLAIN: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SAFE_INTEGER: Final = 2**53 - 1
_TYPES: Final = frozenset({"string", "integer", "boolean"})


def encode_header_value(value: str) -> str:
    """Return a text as a header value: unchanged if that is safe, otherwise in Base64."""
    sentinel = value.startswith(_PREFIX) and value.endswith(_SUFFIX)
    if _PLAIN.fullmatch(value) and not sentinel:
        return value
    return f"{_PREFIX}{base64.b64encode(value.encode()).decode()}{_SUFFIX}"


def decode_header_value(text: str) -> str:
    """Decode a header value; raise `ValueError` if it is invalid Base64."""
    if not (text.startswith(_PREFIX) and text.endswith(_SUFFIX)):
        return text
    inner = text[len(_PREFIX) : -len(_SUFFIX)]
    try:
        return base64.b64decode(inner, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"not Base64 of UTF-8: {error}") from None


def parameter_headers(schema: JsonObject) -> dict[str, tuple[str, ...]]:
    """Map each `x-mcp-header` of a tool's input schema to the property path it mirrors.

    Names are lower case, with their `mcp-param-` prefix. Raises `ValueError` for an annotation that
    the specification forbids. Such a tool must not be offered or called over HTTP.
    """
    headers: dict[str, tuple[str, ...]] = {}
    for path, node in _annotated_schemas(schema, ()):
        if path is None:
            raise ValueError("x-mcp-header is not on a property that 'properties' alone lead to")
        name = node["x-mcp-header"]
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ValueError(f"x-mcp-header {name!r} is not a valid header name")
        if node.get("type") not in _TYPES:
            raise ValueError(f"x-mcp-header {name!r} is not on a string, integer or boolean")
        header = f"mcp-param-{name.lower()}"
        if header in headers:
            raise ValueError(f"x-mcp-header {name!r} is used twice")
        headers[header] = path
    return headers


def _annotated_schemas(
    node: Json, path: tuple[str, ...] | None
) -> Iterator[tuple[tuple[str, ...] | None, JsonObject]]:
    """Yield every annotated subschema with its path; `None` off the chain of `properties`."""
    if is_array(node):
        for item in node:
            yield from _annotated_schemas(item, None)
    if not is_object(node):
        return
    if "x-mcp-header" in node and not is_object(node["x-mcp-header"]):
        yield (path or None), node
    for key, child in node.items():
        if key == "properties" and is_object(child):
            for name, schema in child.items():
                yield from _annotated_schemas(schema, None if path is None else (*path, name))
        elif key not in ("const", "enum", "default", "examples"):
            yield from _annotated_schemas(child, None)


def check_parameter_headers(
    expected: Mapping[str, tuple[str, ...]],
    arguments: Raw | UnsetType,
    headers: Mapping[str, str],
) -> None:
    """Compare the `Mcp-Param-*` headers of a call with its arguments; raise `JsonRpcError`.

    `expected` is the result of `parameter_headers` for the tool's schema.
    """
    if not expected:
        return
    try:
        given: Json = {} if arguments is UNSET else msgspec.json.decode(arguments)
    except DECODE_ERRORS as error:
        raise JsonRpcError(
            ErrorCode.INVALID_PARAMS, f"the arguments are not JSON: {error}"
        ) from None
    for header, path in expected.items():
        if not _header_matches(_value_at(given, path), headers.get(header)):
            name = header.removeprefix("mcp-param-")
            message = f"the header Mcp-Param-{name} does not match the argument it mirrors"
            raise JsonRpcError(ErrorCode.HEADER_MISMATCH, message)


def _value_at(value: Json, path: tuple[str, ...]) -> Json:
    for step in path:
        if not is_object(value) or step not in value:
            return None
        value = value[step]
    return value


def _header_matches(value: Json, text: str | None) -> bool:
    """Return whether a header and an argument are equal; integers are compared as numbers."""
    if value is None or text is None:
        return value is None and text is None
    try:
        decoded = decode_header_value(text)
        if isinstance(value, int) and not isinstance(value, bool):
            return float(decoded) == value
        return decode_header_value(argument_as_header(value) or "") == decoded
    except ValueError:
        return False


def argument_as_header(value: Json) -> str | None:
    """Return the header text of an argument, `None` if it is absent or null.

    Raises `ValueError` for an integer that JavaScript cannot hold exactly.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) > _SAFE_INTEGER:
        raise ValueError(f"{value} is beyond the safe integers")
    return encode_header_value(str(value))
