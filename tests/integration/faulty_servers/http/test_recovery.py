"""What is tried again, what is not, and what the error says of it."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from busy import quiet_seconds_since
from faulty_http_server import (
    EVERY_WAY,
    LEGACY,
    Exchange,
    FaultyServer,
    Script,
    accept,
    behave,
    call_awaited,
    call_blocking,
    greet_legacy,
    make_kind,
)

from scaffold.client._http import HttpChannel
from scaffold.contract._errors.errors import ConnectFailed, ProtocolError, TransportError

Call = Callable[..., Any]

HANG_UP, RESET = Exchange.hang_up, Exchange.reset


def status(line: str, **headers: Any) -> Script:
    return lambda exchange: exchange.reply(b"", line, **headers)


CRASH = status("500 Internal Server Error")
PASSING = {
    "500": CRASH,
    "502": status("502 Bad Gateway"),
    "503": status("503 Service Unavailable"),
    "504": status("504 Gateway Timeout"),
    "hangs up": HANG_UP,
    "resets": RESET,
}


@EVERY_WAY
@pytest.mark.parametrize("name", PASSING)
def test_a_call_that_may_be_repeated_survives_a_passing_fault(name: str, call: Call) -> None:
    with FaultyServer([PASSING[name], PASSING[name], behave]) as faulty_server:
        assert call(faulty_server.url, "ask", {"n": 1}, timeout=5) == {"got": {"n": 1}}
        assert len(faulty_server.named("tools/call")) == 3


@EVERY_WAY
@pytest.mark.parametrize("name", PASSING)
def test_a_call_that_may_not_be_repeated_is_sent_once(name: str, call: Call) -> None:
    with FaultyServer([PASSING[name], behave]) as faulty_server:
        with pytest.raises(TransportError, match="not tried again: the hook is not idempotent"):
            call(faulty_server.url, "act", timeout=5)
        assert len(faulty_server.named("tools/call")) == 1


@pytest.mark.parametrize(
    ("line", "call"),
    [("429 Too Many Requests", call_blocking), ("503 Service Unavailable", call_awaited)],
)
def test_a_server_that_asks_for_a_pause_gets_it_whatever_the_hook(line: str, call: Call) -> None:
    with FaultyServer([status(line, retry_after=1), behave]) as faulty_server:
        began = time.monotonic()
        assert call(faulty_server.url, "act", timeout=5) == {"got": {}}
        assert time.monotonic() - began >= 1


def test_a_pause_may_be_asked_for_until_a_date() -> None:
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)
    with FaultyServer(
        [status("503 Service Unavailable", retry_after=past), behave]
    ) as faulty_server:
        assert call_blocking(faulty_server.url, "act", timeout=5) == {"got": {}}


@pytest.mark.parametrize("asked", ["-5", "1.5", "soon", "", "Wed, 99 Foo 2015 07:28:00 GMT"])
def test_a_pause_that_nobody_can_read_is_none(asked: str) -> None:
    with FaultyServer(
        [status("429 Too Many Requests", retry_after=asked), behave]
    ) as faulty_server:
        began = time.monotonic()
        assert call_blocking(faulty_server.url, "act", timeout=5) == {"got": {}}
        assert quiet_seconds_since(began) < 2


@pytest.mark.parametrize("asked", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_pause_for_ever_ends_the_call_at_once(asked: str) -> None:
    with (
        FaultyServer([status("503 Service Unavailable", retry_after=asked)]) as faulty_server,
        pytest.raises(TransportError, match=r"a pause of \S+ s would exceed the 5 s allowed"),
    ):
        call_blocking(faulty_server.url, "ask", timeout=5)


@EVERY_WAY
def test_a_pause_beyond_the_deadline_is_not_waited_for(call: Call) -> None:
    with FaultyServer([status("429 Too Many Requests", retry_after=3600)]) as faulty_server:
        began = time.monotonic()
        with pytest.raises(TransportError, match=r"a pause of 3\.6e\+03 s would exceed the 5 s"):
            call(faulty_server.url, "ask", timeout=5)
        assert quiet_seconds_since(began) < 2


@EVERY_WAY
def test_the_error_tells_what_was_tried(call: Call) -> None:
    with (
        FaultyServer([CRASH, CRASH, RESET, HANG_UP]) as faulty_server,
        pytest.raises(TransportError) as caught,
    ):
        call(faulty_server.url, "ask", timeout=5)
    came = "500 Internal Server Error, then Connection reset by peer, then "
    shown = str(caught.value).replace(" (os error 104)", "")
    assert shown.startswith(f"{faulty_server.url}: tools/call ask: {came}")
    assert re.search(r"connection (ended|closed) before .* \(tried 4 times, given up\)$", shown)


@EVERY_WAY
def test_an_address_without_a_server_is_tried_again_before_it_is_given_up(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectFailed, match=r"refused.* \(tried 4 times, given up\)"):
        call(f"http://127.0.0.1:{port}/mcp", timeout=5)


def test_a_server_that_is_being_restarted_is_waited_for() -> None:
    kind = make_kind()
    with FaultyServer() as faulty_server:
        channel = HttpChannel(faulty_server.url, kind=kind, plugin="faulty", timeout=5)
    again = FaultyServer(port=faulty_server.port)
    restart = threading.Timer(0.9, again.__enter__)
    restart.start()
    assert channel.bind(kind.hooks["act"])({"n": 1}) == {"got": {"n": 1}}
    restart.join()
    again.__exit__()
    assert len(again.requests) == 1
    channel.close()


def test_a_server_that_does_not_come_back_is_waited_for_within_the_deadline() -> None:
    kind = make_kind()
    with FaultyServer() as faulty_server:
        channel = HttpChannel(faulty_server.url, kind=kind, plugin="faulty", timeout=0.5)
    began = time.monotonic()
    with pytest.raises(ConnectFailed, match=r"refused .*would exceed the 0\.5 s allowed"):
        channel.bind(kind.hooks["act"])({"n": 1})
    assert quiet_seconds_since(began) < 2
    channel.close()


def test_a_connection_that_the_server_dropped_while_idle_is_replaced() -> None:
    def answer_and_leave(exchange: Exchange) -> None:
        behave(exchange)
        exchange.hang_up()

    kind = make_kind()
    with FaultyServer([answer_and_leave]) as faulty_server:
        channel = HttpChannel(faulty_server.url, kind=kind, plugin="faulty", timeout=5)
        act = channel.bind(kind.hooks["act"])
        for number in range(5):
            assert act({"n": number}) == {"got": {"n": number}}
            time.sleep(0.02)
        channel.close()


def test_connections_are_kept_and_shared() -> None:
    kind = make_kind()
    with FaultyServer() as faulty_server:
        channel = HttpChannel(faulty_server.url, kind=kind, plugin="faulty", timeout=5)
        act = channel.bind(kind.hooks["act"])
        for _ in range(20):
            act({})
        channel.close()
        assert faulty_server.connections == 1


def unknown_session(times: int) -> Script:
    """Answer 404 to calls of all but the session that is opened after so many others."""
    lost: list[Exchange] = []

    def script(exchange: Exchange) -> None:
        if len(lost) < times:
            lost.append(exchange)
            exchange.reply(b"", "404 Not Found")
        else:
            behave(exchange)

    return script


@EVERY_WAY
def test_a_session_that_ended_is_opened_anew(call: Call) -> None:
    with FaultyServer([unknown_session(1)], LEGACY) as faulty_server:
        assert call(faulty_server.url, "act", {"n": 1}, timeout=5) == {"got": {"n": 1}}
        assert [request.name for request in faulty_server.requests] == [
            "server/discover",
            *("initialize", "notifications/initialized", "tools/list", "tools/call"),
            *("initialize", "notifications/initialized", "tools/list", "tools/call"),
            "DELETE",
        ]


@EVERY_WAY
def test_sessions_that_always_end_are_given_up(call: Call) -> None:
    text = r"does not know the session \(tried 4 times"
    with (
        FaultyServer([unknown_session(99)], LEGACY) as faulty_server,
        pytest.raises(ProtocolError, match=text),
    ):
        call(faulty_server.url, "act", timeout=5)


def test_threads_that_lose_a_session_open_one_together() -> None:
    opened = iter(range(100))

    def greet(exchange: Exchange) -> None:
        greeting = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {}}
        answer = {"jsonrpc": "2.0", "id": exchange.request.message["id"], "result": greeting}
        exchange.json(answer, mcp_session_id=f"session-{next(opened)}")

    def only_the_second(exchange: Exchange) -> None:
        if exchange.request.headers["mcp-session-id"] == "session-1":
            behave(exchange)
        else:
            exchange.reply(b"", "404 Not Found")

    kind = make_kind()
    with FaultyServer([only_the_second], {**LEGACY, "initialize": greet}) as faulty_server:
        channel = HttpChannel(faulty_server.url, kind=kind, plugin="faulty", timeout=5)
        act = channel.bind(kind.hooks["act"])
        threads = [threading.Thread(target=act, args=({},)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        channel.close()
        assert len(faulty_server.named("initialize")) == 2


def event(data: object, id: str = "", retry: int | None = None) -> bytes:
    lines = [f"id: {id}"] if id else []
    lines += [] if retry is None else [f"retry: {retry}"]
    return "\n".join([*lines, f"data: {json.dumps(data) if data else ''}", "", ""]).encode()


@EVERY_WAY
def test_a_legacy_stream_is_taken_up_where_it_broke(call: Call) -> None:
    def break_off(exchange: Exchange) -> None:
        exchange.head(content_type="text/event-stream")
        answers.append(event(exchange.result({"n": 1})))
        exchange.send(event(None, id="7", retry=100))
        exchange.hang_up()

    def resume(exchange: Exchange) -> None:
        exchange.head(content_type="text/event-stream")
        exchange.send(answers.pop())
        exchange.hang_up()

    answers: list[bytes] = []
    with FaultyServer([break_off], {**LEGACY, "GET": resume}) as faulty_server:
        began = time.monotonic()
        assert call(faulty_server.url, "act", timeout=5) == {"n": 1}
        assert time.monotonic() - began >= 0.1
        (resumed,) = faulty_server.named("GET")
        assert resumed.headers["last-event-id"] == "7"
        assert resumed.headers["mcp-session-id"] == "session-1"


@EVERY_WAY
def test_what_was_half_said_before_a_break_is_forgotten(call: Call) -> None:
    def break_off(exchange: Exchange) -> None:
        exchange.head(content_type="text/event-stream")
        answers.append(event(exchange.result({"n": 1})))
        exchange.send(event(None, id="7", retry=0) + b'data: {"jsonrpc":')
        exchange.hang_up()

    def resume(exchange: Exchange) -> None:
        exchange.head(content_type="text/event-stream")
        exchange.send(answers.pop())
        exchange.hang_up()

    answers: list[bytes] = []
    with FaultyServer([break_off], {**LEGACY, "GET": resume}) as faulty_server:
        assert call(faulty_server.url, "act", timeout=5) == {"n": 1}


@EVERY_WAY
def test_a_stream_that_breaks_for_ever_is_not_chased(call: Call) -> None:
    def break_off(exchange: Exchange) -> None:
        exchange.head(content_type="text/event-stream")
        exchange.send(event(None, id="7", retry=0))
        exchange.hang_up()

    with FaultyServer([break_off], {**LEGACY, "GET": break_off}) as faulty_server:
        with pytest.raises(TransportError, match="a pause of 0"):
            call(faulty_server.url, "act", timeout=0.5)
        assert len(faulty_server.named("GET")) <= 5


@EVERY_WAY
def test_a_session_is_not_renewed_beyond_the_deadline_of_the_call(call: Call) -> None:
    def greet_once(exchange: Exchange) -> None:
        if len(faulty_server.named("initialize")) == 1:
            greet_legacy(exchange)
        else:
            exchange.stay_silent()

    with FaultyServer([unknown_session(9)], {**LEGACY, "initialize": greet_once}) as faulty_server:
        began = time.monotonic()
        with pytest.raises(TransportError, match=r"0\.\d+ s"):
            call(faulty_server.url, "act", timeout=0.5)
        assert quiet_seconds_since(began) < 1.5


def test_closing_a_channel_ends_the_calls_in_flight() -> None:
    arrived = threading.Event()

    def wait(exchange: Exchange) -> None:
        arrived.set()
        exchange.stay_silent()

    def act() -> None:
        with pytest.raises(ConnectFailed, match="the channel is closed"):
            channel.bind(kind.hooks["act"])({})
        ended.set()

    kind, ended = make_kind(), threading.Event()
    with FaultyServer([wait]) as faulty_server:
        channel = HttpChannel(faulty_server.url, kind=kind, plugin="faulty", timeout=20)
        thread = threading.Thread(target=act)
        thread.start()
        assert arrived.wait(5)
        channel.close()
        assert ended.wait(5)
        thread.join()


@EVERY_WAY
def test_a_ping_in_a_legacy_stream_is_answered_and_other_requests_are_refused(call: Call) -> None:
    def ask_back(exchange: Exchange) -> None:
        exchange.head(content_type="text/event-stream")
        exchange.send(event({"jsonrpc": "2.0", "id": "p", "method": "ping"}))
        exchange.send(event({"jsonrpc": "2.0", "id": 5, "method": "roots/list"}))
        exchange.send(event(exchange.result({"n": 1})))
        exchange.hang_up()

    with FaultyServer([ask_back, accept], LEGACY) as faulty_server:
        assert call(faulty_server.url, "act", timeout=5) == {"n": 1}
        replies = [request.message for request in faulty_server.requests if request.name == "POST"]
    assert replies == [
        {"jsonrpc": "2.0", "id": "p", "result": {}},
        {
            "jsonrpc": "2.0",
            "id": 5,
            "error": {"code": -32601, "message": "this client has no 'roots/list'"},
        },
    ]


@EVERY_WAY
def test_an_answer_counts_though_its_stream_stays_open(call: Call) -> None:
    def linger(exchange: Exchange) -> None:
        exchange.head(content_type="text/event-stream")
        exchange.send(event(exchange.result({"n": 1})))
        exchange.stay_silent()

    with FaultyServer([linger]) as faulty_server:
        assert call(faulty_server.url, "act", timeout=5) == {"n": 1}


@EVERY_WAY
def test_tools_are_read_again_when_the_server_wants_other_headers(call: Call) -> None:
    def mismatch(exchange: Exchange) -> None:
        error = {"code": -32020, "message": "Header mismatch"}
        message = {"jsonrpc": "2.0", "id": exchange.request.message["id"], "error": error}
        exchange.json(message, "400 Bad Request")

    with FaultyServer([mismatch, behave]) as faulty_server:
        assert call(faulty_server.url, "act", timeout=5) == {"got": {}}
        assert len(faulty_server.named("tools/list")) == 2


@EVERY_WAY
def test_a_refusal_by_the_server_is_told(call: Call) -> None:
    def refuse(exchange: Exchange) -> None:
        error = {"code": -32602, "message": "Unknown tool"}
        exchange.json({"jsonrpc": "2.0", "error": error}, "400 Bad Request")

    text = r"refused: Unknown tool \(-32602\)"
    with FaultyServer([refuse]) as faulty_server, pytest.raises(ProtocolError, match=text):
        call(faulty_server.url, "act", timeout=5)
