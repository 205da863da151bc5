"""Messages of MCP, and how they go wrong: bytes, values, members and sequences, by a seed."""

import json
import random

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "fuzz", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
VALUES = [
    *("null", "true", "0", "-1", "1.5", "1e999", "-0.0", '""', "[]", "{}", "[[]]", "[{}]"),
    *('"text"', '"complete"', '"2026-07-28"', '"tools/call"', '"\\ud800"', '"\\u0000"', "NaN"),
    *("9" * 20, "9" * 5000, "1" + "0" * 400 + ".5", "[" * 50 + "]" * 50, "[" * 3000 + "]" * 3000),
    '{"a":' * 60 + "1" + "}" * 60,
    '{"code":-32000,"message":"no"}',
]
"""Values that may stand in the place of any other, as JSON or almost."""
BYTES = [b"\0", b"\n", b"\r", b"\xff", b"\xfe\xff", b"\xed\xa0\x80", b'"', b"\\", b"{", b"}", b","]
RESULTS = {
    "server/discover": {"supportedVersions": ["2026-07-28"], "resultType": "complete"},
    "initialize": {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {}},
    "tools/list": {
        "resultType": "complete",
        "tools": [
            {
                "name": "echo",
                "description": "e",
                "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
                "outputSchema": {"type": "object", "required": ["n"]},
            },
            {"name": "other", "inputSchema": {"type": "object", "pattern": "^[\\w-.]$"}},
        ],
    },
    "tools/call": {
        "resultType": "complete",
        "content": [{"type": "text", "text": "t"}],
        "structuredContent": {"n": 1},
        "isError": False,
        "_meta": {"hookspec.scaffold/error": {"code": "x", "message": "m", "data": None}},
    },
}
PROGRESS = {
    "jsonrpc": "2.0",
    "method": "notifications/progress",
    "params": {"progressToken": 1, "progress": 1, "total": 2, "message": "m", "_meta": {}},
}


def answer(method, number):
    return {"jsonrpc": "2.0", "id": number, "result": RESULTS[method]}


def request(chance, number):
    """Return one of the messages that a client sends."""
    method = chance.choice(["server/discover", "tools/list", "tools/call", "initialize", "ping"])
    params = {
        "name": chance.choice(["fuzz_greet", "none", ""]),
        "arguments": {"name": "x"},
        "_meta": {**META, "progressToken": number},
        "protocolVersion": "2025-11-25",
    }
    if chance.random() < 0.1:
        notified = chance.choice(["notifications/cancelled", "notifications/initialized", "x"])
        return {"jsonrpc": "2.0", "method": notified, "params": {"requestId": number}}
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def spoilt(chance, message):
    """Return a message as bytes, with up to three faults in its members, its text or its bytes."""
    text = json.dumps(message, separators=(",", ":"))
    for _ in range(chance.randrange(3)):
        text = _spoil_value(chance, text)
    data = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.4:
        data = _spoil_bytes(chance, data)
    if chance.random() < 0.02:
        data = b"[" + b",".join([data] * chance.randrange(4)) + b"]"
    return data


def _spoil_value(chance, text):
    """Replace what stands behind a colon, or a name, or write a member twice."""
    colon = text.find(":", chance.randrange(len(text)))
    if colon < 0:
        return text
    end = min((at for at in (text.find(c, colon) for c in ",}]") if at > 0), default=len(text))
    if chance.random() < 0.2:
        return f'{text[:end]},"id":{chance.choice(VALUES)}{text[end:]}'
    return text[: colon + 1] + chance.choice(VALUES) + text[end:]


def _spoil_bytes(chance, data):
    at = chance.randrange(len(data) + 1)
    match chance.randrange(4):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + chance.choice(BYTES) + data[at:]
        case 2:
            return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        case _:
            other = chance.randrange(len(data) + 1)
            return data[:at] + data[other : other + chance.randrange(40)] + data[at:]


def pieces(chance, data):
    """Cut bytes as a pipe or a network may."""
    while data:
        size = chance.choice([1, 7, 100, 4096, len(data)])
        yield data[:size]
        data = data[size:]


def generator(seed):
    return random.Random(seed)
