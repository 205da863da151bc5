"""What the plugin under test answers: every tool that a tools-only server can offer."""

import base64
import struct
import time
import zlib
from collections.abc import Callable

from scaffold.contract import HookError, JsonObject, report_progress


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png() -> str:
    """Return one red pixel."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0\xff\0\0")
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", pixel) + _chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()


def _wav() -> str:
    """Return one silent sample."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    data = struct.pack("<4sI", b"data", 1) + b"\x80\0"
    body = b"WAVE" + form + data
    return base64.b64encode(struct.pack("<4sI", b"RIFF", len(body)) + body).decode()


def _text(text: str) -> JsonObject:
    return {"type": "text", "text": text}


def _image() -> JsonObject:
    return {"type": "image", "data": _png(), "mimeType": "image/png"}


def _resource(uri: str, kind: str, text: str) -> JsonObject:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": text}}


def _simple(_args: JsonObject) -> list[JsonObject]:
    return [_text("This is a simple text response for testing.")]


def _picture(_args: JsonObject) -> list[JsonObject]:
    return [_image()]


def _sound(_args: JsonObject) -> list[JsonObject]:
    return [{"type": "audio", "data": _wav(), "mimeType": "audio/wav"}]


def _embedded(_args: JsonObject) -> list[JsonObject]:
    text = "This is an embedded resource content."
    return [_resource("test://embedded-resource", "text/plain", text)]


def _mixed(_args: JsonObject) -> list[JsonObject]:
    resource = _resource("test://mixed-content-resource", "application/json", '{"test":"data"}')
    return [_text("Multiple content types test:"), _image(), resource]


def _failing(_args: JsonObject) -> list[JsonObject]:
    raise HookError("tool_failed", "This tool intentionally returns an error for testing")


def _progress(_args: JsonObject) -> list[JsonObject]:
    for done in (0, 50, 100):
        report_progress(done, 100, f"Completed step {done} of 100")
        time.sleep(0.05)
    return [_text("Done")]


def _incapable(_args: JsonObject) -> list[JsonObject]:
    """Refuse: no hook can use a client's capabilities, so whoever asks for one has not got it."""
    needed: JsonObject = {"requiredCapabilities": {"sampling": {}}}
    raise HookError("missing_capability", "This tool needs a client that can sample", needed)


_TOOLS: dict[str, tuple[str, Callable[[JsonObject], list[JsonObject]]]] = {
    "test_simple_text": ("Answers with text.", _simple),
    "test_image_content": ("Answers with an image.", _picture),
    "test_audio_content": ("Answers with a sound.", _sound),
    "test_embedded_resource": ("Answers with a resource.", _embedded),
    "test_multiple_content_types": ("Answers with text, an image and a resource.", _mixed),
    "test_error_handling": ("Always fails.", _failing),
    "test_tool_with_progress": ("Reports progress three times.", _progress),
    "test_missing_capability": ("Needs a client that can sample.", _incapable),
    "test_streaming_elicitation": ("Streams, and asks for nothing.", _progress),
    "test_logging_tool": ("Logs, but not to the client.", _simple),
    "test_custom_headers": ("Has a parameter that is mirrored in a header.", _simple),
    "json_schema_2020_12_tool": ("Has a schema of many keywords.", _simple),
}

_REGION = {"type": "string", "description": "Where to run.", "x-mcp-header": "Region"}
_PARAMETERS: dict[str, JsonObject] = {
    "test_custom_headers": {"type": "object", "properties": {"region": _REGION}},
    "json_schema_2020_12_tool": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            }
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    },
}


def functions() -> list[JsonObject]:
    """List the tools."""
    return [
        {
            "name": name,
            "description": description,
            "parameters": _PARAMETERS.get(name, {"type": "object", "properties": {}}),
        }
        for name, (description, _run) in _TOOLS.items()
    ]


def answer(function: str, args: JsonObject) -> list[JsonObject]:
    """Call one; return MCP content blocks."""
    _description, run = _TOOLS[function]
    return run(args)
