"""Requests like earlier ones are answered sooner, and any difference is looked at in full."""

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from serving import META, MODERN, PATIENCE, Server

from scaffold.server._http.fast_requests import HttpTemplates

TOOL = "text_processor_demo_process"
WARM = 40
"""Calls after which a quick function is trusted, and its calls are known."""
HEADERS = {
    "host": "localhost",
    "accept": "application/json, text/event-stream",
    "content-type": "application/json",
    "mcp-protocol-version": MODERN,
    "mcp-method": "tools/call",
    "mcp-name": TOOL,
}


def written(text: object, id: object = 1, name: str = TOOL, **meta: object) -> bytes:
    """Write a call as a client of ours does: the id early, the payload last."""
    params = {"name": name, "_meta": {**META, **meta}, "arguments": {"text": text}}
    message = {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}
    return json.dumps(message, separators=(",", ":")).encode()


class Caller:
    """One connection to a server that knows this client's calls."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
        for _ in range(WARM):
            self.text("warm")

    def ask(self, body: bytes, path: str = "/mcp", **changes: str | None) -> tuple[int, Any]:
        changed = {name.replace("_", "-"): value for name, value in changes.items()}
        headers = {name: value for name, value in {**HEADERS, **changed}.items() if value}
        self.connection.request("POST", path, body, headers)
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())

    def text(self, text: str, **meta: object) -> tuple[str, int, str]:
        """Call the tool: the text, the number of the call, and the place where it was made."""
        status, answer = self.ask(written(text, **meta))
        assert status == 200
        said, number, place = answer["result"]["structuredContent"]["text"].split(" ", 2)
        return said, int(number), place


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("known")
    server = Server(folder, "repeats:Repeats", "--name", "demo", "--http", "--port", "0")
    yield server.url()
    server.stop()
    log = server.log.read_text()
    assert "Traceback" not in log, log


@pytest.fixture
def caller(url: str) -> Iterator[Caller]:
    made = Caller(url)
    yield made
    made.connection.close()


def test_a_known_call_is_answered_in_the_loop_and_like_any_other(caller: Caller) -> None:
    said, number, place = caller.text("Ann")
    assert (said, place) == ("Ann", "in the loop")
    _status, known = caller.ask(written("Ann", id=7))
    _status, full = caller.ask(written("Ann", id=8, progressToken=1))
    assert caller.text("Ann") == ("Ann", number + 3, "in the loop")
    assert (known.pop("id"), full.pop("id")) == (7, 8)
    text = known["result"].pop("structuredContent")["text"]
    assert text == f"Ann {number + 1} in the loop"
    text = full["result"].pop("structuredContent")["text"]
    assert text == f"Ann {number + 2} in a task"
    known["result"].pop("content")
    full["result"].pop("content")
    assert known == full


@pytest.mark.parametrize(
    ("changes", "body", "status", "code"),
    [
        ({"host": "evil.example"}, written("a"), 403, -32600),
        ({"origin": "http://evil.example"}, written("a"), 403, -32600),
        ({"content_type": "text/plain"}, written("a"), 415, -32600),
        ({"accept": "text/html"}, written("a"), 406, -32600),
        ({"mcp_name": None}, written("a"), 400, -32020),
        ({"mcp_name": "another"}, written("a"), 400, -32020),
        ({"mcp_method": "tools/list"}, written("a"), 400, -32020),
        ({"mcp_protocol_version": "2025-11-25"}, written("a"), 400, -32020),
        ({"path": "/other"}, written("a"), 404, -32600),
        ({}, written("a", name="another"), 400, -32020),
        ({}, written("a")[:-1], 400, -32700),
        ({}, written("a") + b"}", 400, -32700),
        ({}, written("a")[:-3] + b",}}}", 400, -32700),
        ({}, written("a").replace(b'"text":', b'"text":NaN,"text":'), 400, -32700),
        ({}, b"", 400, -32700),
    ],
)
def test_whatever_differs_is_judged_in_full(
    caller: Caller, changes: dict[str, str | None], body: bytes, status: int, code: int
) -> None:
    _said, before, place = caller.text("a")
    assert place == "in the loop"
    answered, answer = caller.ask(body, **changes)
    assert (answered, answer["error"]["code"]) == (status, code)
    assert caller.text("a") == ("a", before + 1, "in the loop")


def trace(number: int) -> str:
    return f"00-{number:032x}-{number:016x}-01"


def test_headers_of_one_call_do_not_make_a_request_unknown(caller: Caller) -> None:
    for number in range(1, 120):
        status, answer = caller.ask(
            written("a"),
            traceparent=trace(number),
            authorization=f"Bearer {number}",
            x_request_id=str(number),
        )
        assert status == 200
        assert answer["result"]["structuredContent"]["text"].endswith("in the loop")


def test_the_headers_that_clients_use_most_stay_known_among_many_others(caller: Caller) -> None:
    for number in range(100):
        for _ in range(2):
            assert caller.ask(written("a"), user_agent=f"client {number}")[0] == 200
        assert caller.text("a")[2] == "in the loop"


@pytest.mark.parametrize("size", [9_000, 70_000])
def test_a_long_header_of_one_call_is_checked_in_full(caller: Caller, size: int) -> None:
    status = 200
    try:
        status, answer = caller.ask(written("a"), baggage="a=" + "b" * size)
    except json.JSONDecodeError:  # a refused head is answered with plain text
        status = 431
    if size > 65_536:
        assert status == 431
    else:
        assert (status, answer["result"]["isError"]) == (200, False)


def test_a_server_with_a_token_knows_requests_by_it_too() -> None:
    first, second = ([(b"host", b"a"), (b"authorization", token)] for token in (b"Bearer 1", b"x"))
    assert HttpTemplates().key(first) == HttpTemplates().key(second)
    checking = HttpTemplates(checks_token=True)
    assert checking.key(first) != checking.key(second)


def test_an_id_of_text_is_answered_with_it(caller: Caller) -> None:
    status, answer = caller.ask(written("a", id="one"))
    assert (status, answer["id"]) == (200, "one")


def test_a_payload_that_is_refused_is_never_handed_on(caller: Caller) -> None:
    _said, before, _place = caller.text("a")
    status, answer = caller.ask(written(7))
    assert (status, answer["result"]["isError"]) == (200, True)
    assert caller.text("a")[1] == before + 1


def test_an_error_of_the_hook_is_made_once_and_has_its_status(caller: Caller) -> None:
    _said, before, _place = caller.text("a")
    status, answer = caller.ask(written("incapable"))
    assert (status, answer["error"]["code"]) == (400, -32021)
    status, answer = caller.ask(written("strange"))
    assert (status, answer["result"]["isError"]) == (200, True)
    assert caller.text("a") == ("a", before + 3, "in the loop")


def test_calls_sent_together_are_answered_in_order_whatever_they_are(caller: Caller) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    bodies = [written("a", 1), written("b", 2, progressToken=1), written("c", 3), written(4, 4)]
    packet = b"".join(
        f"POST /mcp HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body
        for body in bodies
    )
    place = caller.connection.host, caller.connection.port
    answers = b""
    with socket.create_connection(place, timeout=PATIENCE) as sender:
        for part in (packet[:700], packet[700:]):
            sender.sendall(part)
        while b'"id":4' not in answers:
            answers += sender.recv(65536)
    places = [answers.index(b'"id":%d' % number) for number in (1, 2, 3, 4)]
    assert places == sorted(places)
