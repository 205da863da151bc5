from typing import Any

import pytest
from msgspec import Raw

from scaffold._mcp.http_headers import (
    argument_as_header,
    check_parameter_headers,
    decode_header_value,
    encode_header_value,
    parameter_headers,
)
from scaffold._mcp.jsonrpc import JsonRpcError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("us-west1", "us-west1"),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ],
)
def test_values_are_written_as_the_specification_shows(value: str, text: str) -> None:
    assert encode_header_value(value) == text
    assert decode_header_value(text) == value


@pytest.mark.parametrize("text", ["=?base64?!?=", "=?base64?/w==?="])
def test_base64_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not Base64"):
        decode_header_value(text)


def test_only_integers_that_javascript_holds_are_mirrored() -> None:
    assert argument_as_header(2**53 - 1) == "9007199254740991"
    with pytest.raises(ValueError, match="safe"):
        argument_as_header(2**53)


def _schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_headers_are_found_along_properties() -> None:
    schema = _schema(
        region={"type": "string", "x-mcp-header": "Region"},
        deep=_schema(on={"type": "boolean", "x-mcp-header": "On"}),
    )
    expected = {"mcp-param-region": ("region",), "mcp-param-on": ("deep", "on")}
    assert parameter_headers(schema) == expected


@pytest.mark.parametrize(
    "schema",
    [
        _schema(a={"type": "string", "x-mcp-header": ""}),
        _schema(a={"type": "string", "x-mcp-header": "a b"}),
        _schema(a={"type": "string", "x-mcp-header": "a\r\nb"}),
        _schema(a={"type": "number", "x-mcp-header": "A"}),
        _schema(a={"type": "string", "x-mcp-header": 7}),
        _schema(a={"type": "array", "items": {"type": "string", "x-mcp-header": "A"}}),
        {"anyOf": [_schema(a={"type": "string", "x-mcp-header": "A"})]},
        _schema(
            a={"type": "string", "x-mcp-header": "Same"},
            b={"type": "string", "x-mcp-header": "same"},
        ),
    ],
)
def test_annotations_that_the_specification_forbids_are_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="x-mcp-header"):
        parameter_headers(schema)


@pytest.mark.parametrize(
    ("arguments", "header", "same"),
    [
        (b'{"n":42}', "42", True),
        (b'{"n":42}', "42.0", True),
        (b'{"n":42}', "43", False),
        (b'{"n":42}', "many", False),
        (b'{"n":42}', None, False),
        (b'{"n":true}', "true", True),
        (b'{"n":true}', "1", False),
        (b'{"n":null}', None, True),
        (b'{"n":null}', "null", False),
        (b"{}", None, True),
        (b"{}", "42", False),
        (b'{"n":"=?base64?x?="}', "=?base64?PT9iYXNlNjQ/eD89?=", True),
    ],
)
def test_a_header_must_say_what_the_body_says(
    arguments: bytes, header: str | None, *, same: bool
) -> None:
    headers = {} if header is None else {"mcp-param-n": header}
    expected = {"mcp-param-n": ("n",)}
    if same:
        check_parameter_headers(expected, Raw(arguments), headers)
    else:
        with pytest.raises(JsonRpcError, match="does not match"):
            check_parameter_headers(expected, Raw(arguments), headers)
