import json
import signal
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from busy import quiet_seconds_since
from http_requests import BOTH, INITIALIZE, Answer, ask, call, connect, mirror
from serving import MODERN, PATIENCE, Server, Start, modern


def test_white_space_around_a_header_s_value_does_not_count(url: str):
    message = modern("tools/list")
    padded = {name: f"  {value} \t" for name, value in mirror(message).items()}
    assert ask(url, message, **padded).status == 200


def test_a_modern_request_stands_for_itself(url: str) -> None:
    answer = call(url, "demo_greet", name="Ann")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert "mcp-session-id" not in answer.headers
    assert answer.json["result"]["structuredContent"] == {"result": "Hello, Ann!"}


def test_a_legacy_session_opens_serves_and_ends(url: str) -> None:
    opened = ask(url, INITIALIZE)
    assert opened.status == 200
    session = {"mcp_session_id": opened.headers["mcp-session-id"]}
    initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert ask(url, initialized, **session).status == 202
    listed = ask(url, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, **session)
    assert listed.json["result"]["tools"][0]["name"] == "demo_greet"
    unknown = ask(url, {"jsonrpc": "2.0", "id": 2, "method": "prompts/list"}, **session)
    assert (unknown.status, unknown.code) == (200, -32601)
    assert ask(url, None, verb="DELETE", **session).status == 204
    assert ask(url, {"jsonrpc": "2.0", "id": 3, "method": "ping"}, **session).status == 404
    assert ask(url, None, verb="DELETE", **session).status == 404


def test_progress_makes_the_answer_a_stream(url: str) -> None:
    answer = call(url, "demo_count", {"progressToken": 9}, to=2)
    assert answer.headers["content-type"] == "text/event-stream"
    events = [json.loads(line[6:]) for line in answer.body.splitlines() if line[:6] == b"data: "]
    assert [event["params"]["progress"] for event in events[:-1]] == [1, 2]
    assert events[-1]["result"]["isError"] is False
    without = call(url, "demo_greet", {"progressToken": 9})
    assert without.headers["content-type"] == "application/json"


GREET = modern("tools/call", name="demo_greet", arguments={})
LIST = modern("tools/list")
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
OLD = modern("tools/list", _meta={"io.modelcontextprotocol/protocolVersion": "1900-01-01"})
BARE = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
LIMITED = modern("tools/list", _meta={"io.modelcontextprotocol/clientCapabilities": []})
ASTRAY = modern("tools/call", name="demo_astray", arguments={"region": "north"})
REGION = modern("tools/call", name="demo_route", arguments={"region": "Süd"})


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"garbage", {}, 400, -32700),
        (b"", {}, 400, -32700),
        (b"\xff", {}, 400, -32700),
        ([PING], {}, 400, -32600),
        (b"[" * 100_000, {}, 400, -32600),
        (b'{"a":' * 100_000, {}, 400, -32700),
        (PING, {}, 400, -32600),
        (PING, {"mcp_session_id": "stale"}, 404, -32600),
        (PING, {"mcp_session_id": "stale", "mcp_protocol_version": "1999-01-01"}, 400, -32022),
        (LIST, {}, 400, -32020),
        (LIST, {"mcp_protocol_version": MODERN}, 400, -32020),
        (LIST, {"mcp_protocol_version": "2025-11-25", "mcp_method": "tools/list"}, 400, -32020),
        (LIST, {"mcp_protocol_version": MODERN, "mcp_method": "tools/call"}, 400, -32020),
        (LIST, {"mcp_protocol_version": MODERN, "mcp_method": "Tools/List"}, 400, -32020),
        (GREET, {**mirror(GREET), "mcp_name": ""}, 400, -32020),
        (GREET, {**mirror(GREET), "mcp_name": "demo_fail"}, 400, -32020),
        (GREET, {**mirror(GREET), "mcp_name": "=?base64?!?="}, 400, -32020),
        (GREET, {**mirror(GREET), "mcp_name": "=?base64?ZGVtb19ncmVldA==?="}, 200, 0),
        (REGION, mirror(REGION), 400, -32020),
        (LIMITED, mirror(LIMITED), 400, -32602),
        (ASTRAY, mirror(ASTRAY), 200, -32602),
        (REGION, {**mirror(REGION), "mcp_param_region": "Nord"}, 400, -32020),
        (REGION, {**mirror(REGION), "mcp_param_region": "=?base64?U8O8ZA==?="}, 200, 0),
        (OLD, {**mirror(OLD), "mcp_protocol_version": "1900-01-01"}, 400, -32022),
        (BARE, {"mcp_protocol_version": MODERN, "mcp_method": "tools/list"}, 400, -32602),
        (modern("ping"), mirror(modern("ping")), 404, -32601),
        (modern("initialize"), mirror(modern("initialize")), 404, -32601),
        (b"x", {"content_length": str(2**20 + 1)}, 413, -32600),
        (GREET, {"content_type": "text/plain"}, 415, -32600),
        (GREET, {"content_type": ""}, 415, -32600),
        (GREET, {**mirror(GREET), "content_type": "application/json; charset=utf-8"}, 200, 0),
        (GREET, {"accept": "text/html"}, 406, -32600),
        (GREET, {**mirror(GREET), "accept": "*/*"}, 200, 0),
        (GREET, {"origin": "http://evil.example"}, 403, -32600),
        (GREET, {"host": "evil.example"}, 403, -32600),
        (GREET, {"host": "evil.example", "origin": "http://evil.example"}, 403, -32600),
        (GREET, {"origin": "null"}, 403, -32600),
        (GREET, {"origin": "http://127.0.0.1.evil.example"}, 403, -32600),
        (GREET, {**mirror(GREET), "origin": "http://localhost:5173"}, 200, 0),
        (GREET, {**mirror(GREET), "host": "localhost"}, 200, 0),
    ],
)
def test_each_request_gets_its_status_and_the_next_is_served(
    url: str, body: Any, headers: dict[str, str], status: int, code: int
) -> None:
    answer = ask(url, body, **headers)
    assert answer.status == status, answer.body
    if code:
        assert answer.code == code
    assert call(url, "demo_greet").status == 200


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("GET", "/mcp", 405),
        ("PUT", "/mcp", 405),
        ("DELETE", "/mcp", 400),
        ("POST", "/", 404),
        ("GET", "/", 404),
        ("POST", "/mcp/", 404),
        ("GET", "/health", 200),
        ("POST", "/health", 405),
    ],
)
def test_there_is_one_path_for_mcp_and_one_for_health(
    url: str, verb: str, path: str, status: int
) -> None:
    answer = ask(url, PING if verb == "POST" else None, verb=verb, path=path)
    assert answer.status == status
    if status == 405:
        allowed = "GET, HEAD" if path == "/health" else "POST, DELETE, OPTIONS"
        assert answer.headers["allow"] == allowed


def test_a_body_in_chunks_is_limited_too(url: str) -> None:
    connection = connect(url)
    chunks = (b"x" * 65_536 for _ in range(20))
    headers = {"content-type": "application/json"}
    try:
        connection.request("POST", "/mcp", chunks, headers, encode_chunked=True)
        assert connection.getresponse().status == 413
    except ConnectionError:
        pass  # the server has closed before all was sent
    connection.close()
    assert call(url, "demo_greet").status == 200


def test_a_head_without_end_is_refused(url: str) -> None:
    place = urlsplit(url)
    head = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-More: "
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as sender:
        sender.sendall(head)
        with pytest.raises(ConnectionError):
            sender.sendall(b"x" * 2**26)
    assert call(url, "demo_greet").status == 200


def test_slow_senders_block_nobody(url: str) -> None:
    place = urlsplit(url)
    slow = [socket.create_connection((place.hostname, place.port)) for _ in range(50)]
    for number, sender in enumerate(slow):
        sender.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n")
        if number % 2:
            sender.sendall(b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    began = time.monotonic()
    assert call(url, "demo_greet").status == 200
    assert quiet_seconds_since(began) < 2
    for sender in slow:
        sender.close()


@pytest.fixture(params=["served:Plain", "served:Awaited"])
def running(request: pytest.FixtureRequest, start: Start) -> Server:
    """A server for one test alone."""
    return start(request.param, "--http", "--port", "0")


def test_a_slow_hook_does_not_make_others_wait(running: Server) -> None:
    url = running.url()
    slow = threading.Thread(target=call, args=(url, "demo_sleep"), kwargs={"seconds": 1})
    slow.start()
    running.noted("asleep")
    began = time.monotonic()
    for _ in range(10):
        assert call(url, "demo_greet").status == 200
    assert quiet_seconds_since(began) < 0.8
    slow.join()


def test_sigterm_lets_calls_finish_and_takes_no_more(running: Server) -> None:
    url = running.url()
    answers: list[Answer] = []
    slow = threading.Thread(target=lambda: answers.append(call(url, "demo_sleep", seconds=0.5)))
    slow.start()
    running.noted("asleep")
    running.process.send_signal(signal.SIGTERM)
    slow.join()
    assert answers[0].json["result"]["isError"] is False
    assert running.process.wait(PATIENCE) == 0
    running.noted("torn down")
    with pytest.raises(ConnectionError):
        call(url, "demo_greet")
    assert "Traceback" not in running.log.read_text()


def test_a_modern_client_gives_a_call_up_by_hanging_up(start: Start) -> None:
    server = start("served:Awaited", "--http", "--port", "0")
    message = modern("tools/call", name="demo_sleep", arguments={"seconds": 60})
    connection = connect(server.url())
    headers = {name.replace("_", "-"): value for name, value in mirror(message).items()}
    headers |= {"content-type": "application/json", "accept": BOTH}
    connection.request("POST", "/mcp", json.dumps(message), headers)
    server.noted("asleep")
    connection.close()
    server.noted("cancelled")
    assert call(server.url(), "demo_greet").status == 200


def half_closed(url: str, tool: str, meta: dict[str, Any], **arguments: Any) -> socket.socket:
    """Ask something, and say that this was the last request."""
    message = modern("tools/call", name=tool, arguments=arguments, _meta=meta)
    fields = {"Host": "localhost", "Content-Type": "application/json", "Accept": BOTH}
    fields |= {name.replace("_", "-"): value for name, value in mirror(message).items()}
    body = json.dumps(message)
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    place = urlsplit(url)
    sender = socket.create_connection((place.hostname, place.port), timeout=PATIENCE)
    sender.sendall(
        f"POST /mcp HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    sender.shutdown(socket.SHUT_WR)
    return sender


def read_all(sender: socket.socket) -> bytes:
    with sender, sender.makefile("rb") as stream:
        return stream.read()


def test_a_client_that_has_said_its_last_word_gets_its_answer(running: Server) -> None:
    url = running.url()
    quick = read_all(half_closed(url, "demo_greet", {}))
    interim, _, answer = quick.rpartition(b"HTTP/1.1 200 OK\r\n")
    # RFC 9110 §15.2.1: a client that did not ask for it discards it. A busy server sends some, too.
    assert set(interim.split(b"\r\n")) <= {b"HTTP/1.1 100 Continue", b""}
    assert answer.endswith(b"}")
    slow = read_all(half_closed(url, "demo_sleep", {}, seconds=0.3))
    interim, _, answer = slow.rpartition(b"HTTP/1.1 200 OK\r\n")
    assert set(interim.split(b"\r\n")) == {b"HTTP/1.1 100 Continue", b""}
    assert b"connection: close" in answer
    stream = read_all(half_closed(url, "demo_count", {"progressToken": 1}, to=2))
    assert stream.count(b"data: ") == 3


def test_a_client_that_leaves_after_its_last_word_gives_its_call_up(start: Start) -> None:
    server = start("served:Awaited", "--http", "--port", "0")
    sender = half_closed(server.url(), "demo_sleep", {}, seconds=60)
    server.noted("asleep")
    time.sleep(0.1)
    sender.close()
    server.noted("cancelled")


def test_a_legacy_client_gives_a_call_up_by_saying_so(start: Start) -> None:
    server = start("served:Awaited", "--http", "--port", "0")
    url = server.url()
    session = {"mcp_session_id": ask(url, INITIALIZE).headers["mcp-session-id"]}
    params = {"name": "demo_sleep", "arguments": {"seconds": 60}}
    message = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params}
    answers: list[Answer] = []
    slow = threading.Thread(target=lambda: answers.append(ask(url, message, **session)))
    slow.start()
    server.noted("asleep")
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}
    assert ask(url, cancel, **session).status == 202
    server.noted("cancelled")
    slow.join()
    assert answers[0].body == b""


def test_a_port_that_is_taken_is_told_in_one_line(url: str, start: Start) -> None:
    port = str(urlsplit(url).port)
    server = start("served:Plain", "--http", "--port", port)
    assert server.process.wait(PATIENCE) == 4
    said = f"demo: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    assert server.log.read_text() == said


@pytest.mark.parametrize("variable", ["MCP_HTTP_PORT", "MCP_PORT"])
def test_the_environment_chooses_transport_and_port(start: Start, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = start("served:Plain", MCP_TRANSPORT="http", **{variable: str(port)})
    assert server.url() == f"http://127.0.0.1:{port}/mcp"
    assert call(server.url(), "demo_greet").status == 200


def test_a_name_may_be_allowed(start: Start) -> None:
    server = start("served:Plain", "--http", "--port", "0", MCP_ALLOWED_HOSTS="plugin.example")
    url = server.url()
    named = {**mirror(GREET), "host": "plugin.example:80", "origin": "https://plugin.example"}
    assert ask(url, GREET, **named).status == 200
    assert ask(url, GREET, **{**named, "host": "other.example"}).status == 403


def test_a_plugin_that_cannot_be_set_up_is_never_announced(start: Start) -> None:
    server = start("served:Unready", "--http", "--port", "0")
    assert server.process.wait(PATIENCE) == 5
    assert "listening" not in server.log.read_text()
