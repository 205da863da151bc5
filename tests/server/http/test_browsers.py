"""Pages of other origins: what a browser is told, and what it never is."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest
from http_requests import Answer, ask, call, connect, mirror
from serving import Start, modern

PAGE = "http://localhost:6274"
HELLO: dict[str, Any] = {
    **modern("initialize"),
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {}},
}
GREET = modern("tools/call", name="demo_greet", arguments={})


def preflight(url: str, origin: str, *headers: str, **more: str) -> Answer:
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": ",".join(headers),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    connection = connect(url)
    connection.request("OPTIONS", "/mcp", headers={k: v for k, v in asked.items() if v})
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def permissions(answer: Answer) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k.startswith("access-control-")}


def test_a_page_of_this_machine_may_send_what_a_client_sends(url: str) -> None:
    answer = preflight(url, PAGE, "content-type", "MCP-Session-Id", "mcp-param-region", "x-evil")
    assert (answer.status, answer.body) == (204, b"")
    assert permissions(answer) == {
        "access-control-allow-origin": PAGE,
        "access-control-allow-methods": "POST, DELETE",
        "access-control-allow-headers": "content-type, mcp-session-id, mcp-param-region",
        "access-control-max-age": "7200",
    }
    assert "Origin" in answer.headers["vary"]


def test_a_page_may_reach_a_server_of_its_own_network(url: str) -> None:
    near = preflight(url, PAGE, access_control_request_private_network="true")
    assert near.headers["access-control-allow-private-network"] == "true"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://localhost@evil.example",
        r"http://evil.example\@localhost",
        "http://[fe80::1%25evil.example]",
        "http://localhost/path",
        "http://localhost:80:80",
        "localhost",
    ],
)
def test_no_other_page_is_told_anything(url: str, origin: str) -> None:
    answer = preflight(url, origin, "content-type")
    assert answer.status == 403
    assert permissions(answer) == {}
    assert ask(url, HELLO, origin=origin).status == 403


def test_every_answer_can_be_read_by_the_page_that_may_ask(url: str) -> None:
    opened = ask(url, HELLO, origin=PAGE)
    refused = ask(url, b"x", origin=PAGE)
    health = ask(url, None, verb="GET", path="/health", origin=PAGE)
    for answer, status in ((opened, 200), (refused, 400), (health, 200)):
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "Mcp-Session-Id" in answer.headers["access-control-expose-headers"]
        assert answer.headers["vary"] == "Origin"
    assert opened.headers["mcp-session-id"]


def test_answers_stay_readable_when_calls_have_become_familiar(url: str) -> None:
    for _ in range(40):
        assert call(url, "demo_greet").status == 200
        answer = ask(url, GREET, **mirror(GREET), origin=PAGE)
        assert answer.headers["access-control-allow-origin"] == PAGE


def test_a_stream_of_events_can_be_read_too(url: str) -> None:
    count = modern("tools/call", name="demo_count", arguments={"to": 3}, _meta={"progressToken": 1})
    answer = ask(url, count, **mirror(count), origin=PAGE)
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["access-control-allow-origin"] == PAGE


def test_who_is_no_page_gets_no_word_of_pages(url: str) -> None:
    assert permissions(ask(url, HELLO)) == {}


def test_a_page_of_an_allowed_name_may_connect_and_one_of_any_name_may_not(start: Start) -> None:
    url = start("served:Plain", "--http", "--port", "0", MCP_ALLOWED_HOSTS="*.example.com,*").url()
    assert preflight(url, "https://chat.example.com").status == 204
    assert preflight(url, "https://evil.example").status == 403


def test_options_without_a_page_names_the_methods(url: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=15)
    connection.request("OPTIONS", "/mcp")
    answer = Answer(connection.getresponse())
    connection.close()
    assert (answer.status, answer.headers["allow"]) == (204, "POST, DELETE, OPTIONS")
