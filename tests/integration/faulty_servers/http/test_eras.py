"""Finding out what a server speaks, and leaving out what it must not offer."""

from collections.abc import Callable
from typing import Any

import pytest
from faulty_http_server import EVERY_WAY, LEGACY, MODERN, Exchange, FaultyServer, Script, list_tools

from scaffold.contract._errors.errors import (
    ConnectFailed,
    InvalidInput,
    ProtocolError,
    RuntimeNotSupported,
)

Call = Callable[..., Any]


def error(code: int, status: str = "400 Bad Request", **data: Any) -> Script:
    def script(exchange: Exchange) -> None:
        refusal = {"code": code, "message": "no", "data": data}
        exchange.json({"jsonrpc": "2.0", "id": None, "error": refusal}, status)

    return script


def versions(*supported: str) -> Script:
    return lambda exchange: exchange.answer(result={"supportedVersions": supported})


def body(content: bytes, status: str = "200 OK") -> Script:
    return lambda exchange: exchange.reply(content, status, content_type="application/json")


LEGACY_SIGNS: dict[str, Script] = {
    "an error that older SDKs give": error(-32601, "200 OK"),
    "an error with status 400": error(-32600),
    "an error with status 404": error(-32601, "404 Not Found"),
    "no such place": body(b"", "404 Not Found"),
    "not allowed": body(b"", "405 Method Not Allowed"),
    "not acceptable": body(b"", "406 Not Acceptable"),
    "a crash": body(b"", "500 Internal Server Error"),
    "text": body(b"Bad Request: No valid session ID provided", "400 Bad Request"),
    "an empty result": body(b'{"result":{}}'),
    "a result without versions": lambda exchange: exchange.answer(result={}),
    "a list of older versions": versions("2025-11-25", "2025-06-18"),
    "an older version as the only one": error(-32022, supported=["2025-11-25"]),
    "no sense": body(b"<html>"),
    "nothing": Exchange.hang_up,
}


@EVERY_WAY
@pytest.mark.parametrize("name", LEGACY_SIGNS)
def test_a_legacy_server_is_greeted(name: str, call: Call) -> None:
    with FaultyServer(manners={**LEGACY, "server/discover": LEGACY_SIGNS[name]}) as faulty_server:
        assert call(faulty_server.url, payload={"n": 1}, timeout=5) == {"got": {"n": 1}}
    probe, greeting, told, *session = faulty_server.requests
    assert probe.headers["mcp-protocol-version"] == "2026-07-28"
    assert (greeting.name, told.name) == ("initialize", "notifications/initialized")
    assert not greeting.headers.keys() & {"mcp-session-id", "mcp-protocol-version", "mcp-method"}
    assert [request.name for request in session] == ["tools/list", "tools/call", "DELETE"]
    for request in (told, *session):
        assert request.headers["mcp-session-id"] == "session-1"
        assert request.headers["mcp-protocol-version"] == "2025-11-25"


@EVERY_WAY
def test_a_modern_server_is_asked_without_a_greeting(call: Call) -> None:
    with FaultyServer() as faulty_server:
        call(faulty_server.url, timeout=5)
    assert [request.name for request in faulty_server.requests] == [
        "server/discover",
        "tools/list",
        "tools/call",
    ]
    for request in faulty_server.requests:
        assert request.method == "POST"
        assert request.headers["mcp-protocol-version"] == "2026-07-28"
        assert request.headers["mcp-method"] == request.name
        assert request.headers["accept"] == "application/json, text/event-stream"
        meta = request.message["params"]["_meta"]
        assert meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
    assert faulty_server.requests[-1].headers["mcp-name"] == "act"


@EVERY_WAY
@pytest.mark.parametrize("code", [-32020, -32021])
def test_a_modern_error_is_no_reason_to_greet(code: int, call: Call) -> None:
    with FaultyServer(manners={**MODERN, "server/discover": error(code)}) as faulty_server:
        with pytest.raises(ProtocolError, match="refused server/discover: no"):
            call(faulty_server.url, timeout=5)
        assert [request.name for request in faulty_server.requests] == ["server/discover"]


@EVERY_WAY
def test_without_a_revision_in_common_the_server_s_are_named(call: Call) -> None:
    manners = {"server/discover": error(-32022, supported=["2030-01-01"])}
    with (
        FaultyServer(manners=manners) as faulty_server,
        pytest.raises(ProtocolError, match="2030-01-01"),
    ):
        call(faulty_server.url, timeout=5)


@EVERY_WAY
def test_who_is_turned_away_does_not_try_another_door(call: Call) -> None:
    refused = body(b"", "401 Unauthorized")
    with FaultyServer(manners={**LEGACY, "server/discover": refused}) as faulty_server:
        with pytest.raises(ConnectFailed, match="401 Unauthorized"):
            call(faulty_server.url, timeout=5)
        assert len(faulty_server.requests) == 1


def offered(**schemas: Any) -> Script:
    tools = [{"name": name, "inputSchema": schema} for name, schema in schemas.items()]
    return lambda exchange: exchange.answer(result={"tools": tools})


BAD = {"type": "object", "properties": {"n": {"type": "number", "x-mcp-header": "N"}}}


@EVERY_WAY
def test_a_tool_with_forbidden_headers_is_left_out_with_a_warning(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    with FaultyServer(
        manners={**MODERN, "tools/list": offered(act=BAD, ask={"type": "object"})}
    ) as faulty_server:
        assert call(faulty_server.url, "ask", timeout=5) == {"got": {}}
        with pytest.raises(RuntimeNotSupported, match="it lists: ask"):
            call(faulty_server.url, "act", timeout=5)
    assert "faulty: tool 'act' is left out: x-mcp-header 'N' is not on a string" in caplog.text


@EVERY_WAY
def test_a_legacy_server_may_offer_what_it_likes(call: Call) -> None:
    with FaultyServer(manners={**LEGACY, "tools/list": offered(act=BAD)}) as faulty_server:
        assert call(faulty_server.url, "act", {"n": 1}, timeout=5) == {"got": {"n": 1}}
        assert "mcp-param-n" not in faulty_server.named("tools/call")[0].headers


REGION = {"type": "object", "properties": {"at": {"type": "integer", "x-mcp-header": "At"}}}


@EVERY_WAY
def test_a_parameter_is_mirrored_unless_it_is_null_or_absent(call: Call) -> None:
    with FaultyServer(manners={**MODERN, "tools/list": offered(act=REGION)}) as faulty_server:
        for payload in ({"at": 42}, {"at": None}, {"x": 1}):
            call(faulty_server.url, "act", payload, timeout=5)
        sent = [
            request.headers.get("mcp-param-at") for request in faulty_server.named("tools/call")
        ]
    assert sent == ["42", None, None]


@EVERY_WAY
def test_an_integer_that_no_header_may_carry_is_refused(call: Call) -> None:
    with FaultyServer(manners={**MODERN, "tools/list": offered(act=REGION)}) as faulty_server:
        with pytest.raises(InvalidInput, match=r"/at: 9007199254740992 is beyond"):
            call(faulty_server.url, "act", {"at": 2**53}, timeout=5)
        assert faulty_server.named("tools/call") == []


@EVERY_WAY
def test_tools_come_in_pages(call: Call) -> None:
    def page(exchange: Exchange) -> None:
        if "cursor" in exchange.request.message["params"]:
            list_tools(exchange)
        else:
            exchange.answer(result={"tools": [], "nextCursor": "2"})

    with FaultyServer(manners={**MODERN, "tools/list": page}) as faulty_server:
        assert call(faulty_server.url, timeout=5) == {"got": {}}
