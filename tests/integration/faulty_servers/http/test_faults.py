"""Servers that break off, dawdle or talk nonsense: every call ends in time and names the cause."""

import asyncio
import gzip
import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
from busy import quiet_seconds_since, slowness
from faulty_http_server import EVERY_WAY, MODERN, Exchange, FaultyServer, Script, behave, make_kind

from scaffold.client._http import AsyncHttpChannel, HttpChannel
from scaffold.contract._errors.errors import (
    ConnectFailed,
    DeadlineExceeded,
    ProtocolError,
    TransportError,
)

TIMEOUT = 0.2
JSON = "application/json"
EVENTS = "text/event-stream"


def status(line: str, body: bytes = b"", **headers: Any) -> Script:
    return lambda exchange: exchange.reply(body, line, **headers)


def body(data: bytes, content_type: str = JSON, **headers: Any) -> Script:
    return lambda exchange: exchange.reply(data, content_type=content_type, **headers)


def raw(data: bytes, then: Callable[[Exchange], None]) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.send(data)
        then(exchange)

    return script


def message(**members: object) -> Script:
    return lambda exchange: exchange.json({"jsonrpc": "2.0", "result": {}, **members})


def events(*chunks: bytes, then: Callable[[Exchange], None] = Exchange.hang_up) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.head(content_type=EVENTS)
        for chunk in chunks:
            exchange.send(chunk)
        then(exchange)

    return script


def flood(data: bytes, content_type: str) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.head(content_type=content_type)
        exchange.flood(data)

    return script


def trickle(exchange: Exchange) -> None:
    exchange.head(content_type=JSON, content_length=1000)
    while not exchange.over.wait(0.05):
        exchange.send(b" ")


HANG_UP, RESET, SILENCE = Exchange.hang_up, Exchange.reset, Exchange.stay_silent
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
NOTE = b'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}\n\n'
NESTED = b'{"jsonrpc":"2.0","id":' + b"[" * 100_000

FAULTS: dict[str, tuple[Script, type[TransportError], str]] = {
    "hangs up": (HANG_UP, TransportError, "connection (closed|ended) before"),
    "resets": (RESET, TransportError, "Connection reset by peer"),
    "silence": (SILENCE, DeadlineExceeded, r"no answer came in time \(\d+[.\d]* s\)"),
    "half a head, then the end": (
        raw(HEAD, HANG_UP),
        TransportError,
        "connection (closed|ended) before",
    ),
    "half a head, then silence": (raw(HEAD, SILENCE), DeadlineExceeded, "no answer came in time"),
    "not HTTP": (
        raw(b"220 mail ready\r\n\r\n", SILENCE),
        ProtocolError,
        "invalid HTTP version|not HTTP: Expected HTTP",
    ),
    "a head without end": (flood(b"x: y\r\n", "a"), ProtocolError, "content type 'a'"),
    "endless headers": (
        raw(HEAD, lambda exchange: exchange.flood(b"x: " + b"y" * 999 + b"\r\n")),
        ProtocolError,
        "head is too large",
    ),
    "a body cut short": (
        raw(HEAD + b'content-length: 9\r\n\r\n{"', HANG_UP),
        TransportError,
        "(end of file before message length reached|ended before the body did), 2 bytes",
    ),
    "a reset in the body": (
        raw(HEAD + b'content-length: 9\r\n\r\n{"', RESET),
        TransportError,
        "Connection reset by peer",
    ),
    "a body that trickles": (trickle, DeadlineExceeded, r"in time, \d+ bytes into the answer"),
    "broken chunks": (
        raw(HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", SILENCE),
        TransportError,
        "[Ii]nvalid (chunk size|character in chunk size)",
    ),
    "a body announced too long": (
        raw(HEAD + b"content-length: 1000000000000\r\n\r\n{", SILENCE),
        ProtocolError,
        "an answer of 1000000000000 bytes; 67108864 are allowed",
    ),
    "an error page": (
        body(b"<h1>Welcome</h1>", "text/html; charset=utf-8"),
        ProtocolError,
        "200 OK with content type 'text/html': <h1>Welcome</h1>",
    ),
    "no content type": (status("200 OK", b"{}"), ProtocolError, "content type 'none': {}"),
    "no content": (status("204 No Content"), ProtocolError, "204 No Content"),
    "accepted without an answer": (
        status("202 Accepted"),
        ProtocolError,
        "202 Accepted .* no body",
    ),
    "compressed unasked": (
        body(gzip.compress(b"{}"), content_encoding="gzip"),
        ProtocolError,
        "'content-encoding: gzip', which was not asked for",
    ),
    "an empty body": (body(b""), ProtocolError, "not JSON"),
    "not JSON": (body(b"{oops"), ProtocolError, "not JSON.*what came: {oops"),
    "not UTF-8": (body(b'{"jsonrpc":"\xff"}'), ProtocolError, "not JSON"),
    "nested without end": (body(NESTED), ProtocolError, "a message is one JSON object"),
    "a batch": (body(b"[]"), ProtocolError, "a message is one JSON object"),
    "not JSON-RPC": (body(b"{}"), ProtocolError, "not a JSON-RPC 2.0 message"),
    "a wrong id": (message(id=999), ProtocolError, r"request \d+ was answered with the id 999"),
    "the id as text": (message(id="3"), ProtocolError, "was answered with the id '3'"),
    "no id": (message(), ProtocolError, "was answered with no id"),
    "a null id": (message(id=None), ProtocolError, "with an id"),
    "a request for an answer": (
        message(id=3, method="roots/list"),
        ProtocolError,
        "a request or notification came in place of the answer: roots/list",
    ),
    "a redirect": (
        status("307 Temporary Redirect", location="http://user:pw@127.0.0.1:9/x?token=1"),
        ProtocolError,
        "307 Temporary Redirect to 'http://127.0.0.1:9/x'; redirects are not followed",
    ),
    "a redirect to nowhere": (status("301 Moved Permanently"), ProtocolError, "301 .* to nowhere"),
    "not found": (status("404 Not Found", b"?"), ProtocolError, r"answered 404 Not Found: \?"),
    "an unknown status": (status("799 Odd"), ProtocolError, "answered 799"),
    "endless lines": (flood(b"data: x\n" * 2**10, EVENTS), DeadlineExceeded, "in time"),
    "no entry": (status("403 Forbidden"), ConnectFailed, "turned us away with 403 Forbidden"),
    "crash": (
        status("500 Internal Server Error", b"oh\nno"),
        TransportError,
        r"500 Internal Server Error: oh no \(not tried again: the hook is not idempotent\)",
    ),
    "events that end": (events(NOTE), TransportError, "stream of events ended without the answer"),
    "events that break": (events(NOTE, then=RESET), TransportError, "Connection reset by peer"),
    "events and silence": (events(NOTE, then=SILENCE), DeadlineExceeded, "bytes into the answer"),
    "endless events": (flood(NOTE, EVENTS), DeadlineExceeded, "bytes into the answer"),
    "endless comments": (flood(b": still here\n\n", EVENTS), DeadlineExceeded, "in time"),
    "events without sense": (events(b"data: {oops\n\n"), ProtocolError, "what came: {oops"),
    "events with a wrong id": (
        events(b'data: {"jsonrpc":"2.0","id":999,"result":{}}\n\n'),
        ProtocolError,
        "was answered with the id 999",
    ),
}


@EVERY_WAY
@pytest.mark.parametrize("name", FAULTS)
def test_a_call_ends_in_time_and_names_the_cause(name: str, call: Callable[..., Any]) -> None:
    script, error, text = FAULTS[name]
    timeout = TIMEOUT * slowness()  # the channel is opened within it as well
    with FaultyServer([script]) as faulty_server:
        began = time.monotonic()
        with pytest.raises(error, match=text) as caught:
            call(faulty_server.url, timeout=timeout)
        assert quiet_seconds_since(began) < timeout + 1
    assert type(caught.value) is error
    assert str(caught.value).startswith(f"{faulty_server.url}: tools/call act: ")
    assert len(faulty_server.named("tools/call")) == 1


SHORT_TIMEOUT = make_kind(act=TIMEOUT, ask=20.0)
SEQUENCE = [step for script, _error, _text in FAULTS.values() for step in (script, behave)]


def test_a_channel_outlives_every_fault() -> None:
    with FaultyServer(SEQUENCE) as faulty_server:
        channel = HttpChannel(faulty_server.url, kind=SHORT_TIMEOUT, plugin="faulty", timeout=20)
        act, ask = (channel.bind(SHORT_TIMEOUT.hooks[name]) for name in ("act", "ask"))
        for fault in FAULTS:
            with pytest.raises(TransportError):
                act({})
            assert ask({"after": fault}) == {"got": {"after": fault}}
        channel.close()


def test_a_channel_of_an_event_loop_outlives_every_fault() -> None:
    async def outlive(url: str) -> None:
        channel = await AsyncHttpChannel(
            url, kind=SHORT_TIMEOUT, plugin="faulty", timeout=20
        ).connect()
        act, ask = (channel.bind(SHORT_TIMEOUT.hooks[name]) for name in ("act", "ask"))
        for fault in FAULTS:
            with pytest.raises(TransportError):
                await act({})
            assert await ask({"after": fault}) == {"got": {"after": fault}}
        await channel.aclose()

    with FaultyServer(SEQUENCE) as faulty_server:
        asyncio.run(outlive(faulty_server.url))


@EVERY_WAY
@pytest.mark.parametrize(
    ("script", "text"),
    [
        (flood(b" " * 2**20, JSON), "an answer of more than 67108864 bytes"),
        (flood(b"data: " + b"x" * 2**20 + b"\n", EVENTS), "an event of more than 67108864 bytes"),
    ],
)
def test_an_answer_without_end_is_cut_off(
    script: Script, text: str, call: Callable[..., Any]
) -> None:
    with FaultyServer([script]) as faulty_server, pytest.raises(ProtocolError, match=text):
        call(faulty_server.url, timeout=20)


OPENINGS: dict[str, tuple[dict[str, Script], type[TransportError], str]] = {
    "silence": (
        {"server/discover": SILENCE, "initialize": SILENCE},
        ConnectFailed,
        "initialize: no",
    ),
    "hangs up": ({"server/discover": HANG_UP}, ConnectFailed, r"initialize: .* \(tried \d times"),
    "no entry": (
        {"server/discover": status("401 Unauthorized")},
        ConnectFailed,
        "turned us away with 401 Unauthorized",
    ),
    "a web page": (
        {"server/discover": body(b"<p>", "text/html"), "initialize": body(b"<p>", "text/html")},
        ProtocolError,
        "initialize: neither JSON nor a stream of events came: .*'text/html': <p>",
    ),
    "nothing there": (
        {"server/discover": status("404 Not Found"), "initialize": status("404 Not Found")},
        ProtocolError,
        "initialize: the server answered 404 Not Found",
    ),
    "too busy": (
        {"server/discover": status("503 Service Unavailable", retry_after=60)},
        ConnectFailed,
        "server/discover: 503 .*a pause of 60 s would exceed",
    ),
    "unknown revisions": (
        {"server/discover": lambda e: e.answer(result={"supportedVersions": ["2099-01-01"]})},
        ProtocolError,
        "no protocol revision in common",
    ),
    "tools without names": (
        {"tools/list": lambda e: e.answer(result={"tools": [{}]})},
        ProtocolError,
        "tools/list",
    ),
}


@EVERY_WAY
@pytest.mark.parametrize("name", OPENINGS)
def test_opening_ends_in_time_and_names_the_cause(name: str, call: Callable[..., Any]) -> None:
    manners, error, text = OPENINGS[name]
    with FaultyServer([HANG_UP], {**MODERN, **manners}) as faulty_server:
        began = time.monotonic()
        with pytest.raises(error, match=text) as caught:
            call(faulty_server.url, timeout=0.8)
        assert quiet_seconds_since(began) < 2
    assert type(caught.value) is error
    assert str(caught.value).startswith(f"{faulty_server.url}: ")


@EVERY_WAY
def test_no_more_than_a_thousand_pages_of_tools_are_read(call: Callable[..., Any]) -> None:
    numbers = itertools.count()
    more = {
        "tools/list": lambda e: e.answer(
            result={"tools": [], "nextCursor": f"more {next(numbers)}"}
        )
    }
    with (
        FaultyServer([HANG_UP], {**MODERN, **more}) as faulty_server,
        pytest.raises(ProtocolError, match="tools/list has no end: more than 1000 pages"),
    ):
        call(faulty_server.url, timeout=30)
