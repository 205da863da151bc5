"""Requests that no client of good will sends, byte by byte: the right status, and on with the next.

Each names the section that says what is right.
"""

import http.client
import json
import socket
from typing import Final, NamedTuple, Self
from urllib.parse import urlsplit

import pytest
from http_requests import call
from serving import PATIENCE, modern

GREET: Final = json.dumps(modern("tools/call", name="demo_greet", arguments={})).encode()
LENGTH: Final = b"Content-Length: %d\r\n" % len(GREET)
HOST: Final = b"Host: localhost\r\n"
KIND: Final = b"Content-Type: application/json\r\n"
ACCEPT: Final = b"Accept: application/json, text/event-stream\r\n"
NAMES: Final = (
    b"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: demo_greet\r\n"
)
REST: Final = KIND + ACCEPT + NAMES
CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
UPGRADE: Final = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"
PADDING: Final = b" " * (2**20 - len(GREET))


def post(
    more: bytes = b"",
    *,
    line: bytes = b"POST /mcp HTTP/1.1",
    without: tuple[bytes, ...] = (),
    body: bytes = GREET,
) -> bytes:
    """Write a request to greet; `without` leaves headers out, `more` puts others in."""
    length = b"Content-Length: %d\r\n" % len(body)
    kept = [part for part in (HOST, KIND, ACCEPT, NAMES, length) if part not in without]
    return b"".join([line, b"\r\n", *kept, more, b"\r\n", body])


def to(target: bytes) -> bytes:
    return post(line=b"POST " + target + b" HTTP/1.1")


def host(*names: bytes) -> bytes:
    return post(b"".join([b"Host: %b\r\n" % name for name in names]), without=(HOST,))


def origin(*names: bytes) -> bytes:
    return post(b"".join([b"Origin: %b\r\n" % name for name in names]))


def kind(value: bytes) -> bytes:
    return post(b"Content-Type: %b\r\n" % value, without=(KIND,))


def accept(value: bytes) -> bytes:
    return post(b"Accept: %b\r\n" % value, without=(ACCEPT,))


def length(value: bytes) -> bytes:
    return post(b"Content-Length: %b\r\n" % value, without=(LENGTH,))


def coded(value: bytes, line: bytes = b"POST /mcp HTTP/1.1") -> bytes:
    head = b"".join([line, b"\r\n", HOST, REST, b"Transfer-Encoding: %b\r\n\r\n" % value])
    return head + chunks(GREET)


def chunks(*parts: bytes, size: bytes = b"%x\r\n", end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join([size % len(part) + part + b"\r\n" for part in parts]) + end


def chunked(body: bytes) -> bytes:
    return b"".join([b"POST /mcp HTTP/1.1\r\n", HOST, REST, CHUNKED, b"\r\n", body])


def body(text: bytes) -> bytes:
    return post(body=text)


def greeting(*, id: bytes = b"1", arguments: bytes = b"{}") -> bytes:
    return body(
        GREET.replace(b'"id": 1', b'"id": %b' % id).replace(
            b'"arguments": {}', b'"arguments": %b' % arguments
        )
    )


class Reply(NamedTuple):
    """A response, and whether it is the last one of its connection."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    closes: bool


class Sender:
    """A connection, from its client's end."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._socket = socket.create_connection((place.hostname, place.port), timeout=PATIENCE)
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def send(self, *requests: bytes) -> None:
        self._socket.sendall(b"".join(requests))

    def reply(self) -> Reply:
        """Read one response."""
        status = self._stream.readline()
        headers = http.client.parse_headers(self._stream)
        content = self._stream.read(int(headers.get("content-length", "0")))
        return Reply(int(status.split()[1]), headers, content, headers["connection"] == "close")

    def rest(self) -> bytes:
        """Read what comes until the server closes the connection."""
        return self._stream.read()


def send(url: str, *requests: bytes) -> Reply:
    """Send bytes and read one response."""
    with Sender(url) as sender:
        sender.send(*requests)
        return sender.reply()


FRAMING: Final[dict[str, tuple[bytes, int]]] = {
    # RFC 9112 §6.1, §6.3: what could be read in two ways is not read at all.
    "length and chunks": (post(CHUNKED, body=chunks(GREET)), 400),
    "two lengths": (post(b"Content-Length: 5\r\n"), 400),
    "the same length twice": (post(LENGTH), 400),
    "a list of lengths": (length(b"9, 9"), 400),
    "a length with a sign": (length(b"+%d" % len(GREET)), 400),
    "a negative length": (length(b"-1"), 400),
    "a length in hexadecimal": (length(b"0x10"), 400),
    "no length at all": (length(b""), 400),
    "a length beyond 64 bits": (length(b"%d" % (2**64 + len(GREET))), 400),
    "a space before the colon": (post(b"Content-Length : 9\r\n", without=(LENGTH,)), 400),
    "another coding": (coded(b"identity"), 501),
    "a coding below the chunks": (coded(b"gzip, chunked"), 501),
    "a coding above the chunks": (coded(b"chunked, identity"), 400),
    "chunks twice": (coded(b"chunked, chunked"), 400),
    "chunks in HTTP/1.0": (coded(b"chunked", b"POST /mcp HTTP/1.0"), 400),
    # RFC 9112 §7.1: chunks
    "a chunk that is longer than it says": (chunked(chunks(GREET, size=b"5;%x\r\n")), 400),
    "a chunk of a size beyond 64 bits": (chunked(b"1FFFFFFFFFFFFFFFFF\r\n"), 400),
    "a chunk of a negative size": (chunked(b"-1\r\n"), 400),
    "a size with a prefix": (chunked(b"0x%x\r\n" % len(GREET)), 400),
    "a line that ends in a chunk's extension": (chunked(b"1;a\nb\r\n{\r\n"), 400),
    "a trailer that would be a length": (
        chunked(chunks(GREET, end=b"0\r\nContent-Length: 5\r\n\r\n")),
        400,
    ),
    # RFC 9112 §2.2, §5: lines
    "a line that goes on": (post(b"X-More: a\r\n b\r\n"), 400),
    "line feeds alone": (post().replace(b"\r\n", b"\n"), 400),
    "a carriage return alone": (post(b"X-More: a\rb\r\n"), 400),
    "a null in a value": (post(b"X-More: a\0b\r\n"), 400),
    "a null in a name": (post(b"X\0More: a\r\n"), 400),
    "a header without a name": (post(b": a\r\n"), 400),
    "a header without a colon": (post(b"X-More\r\n"), 400),
    # RFC 9112 §3; RFC 6585 §5
    "a target that is too long": (to(b"/" + b"a" * 70_000), 414),
    "a target without an end": (b"POST /" + b"a" * 200_000, 414),
    "empty lines without an end": (b"\r\n" * 70_000, 431),
    "too many headers": (post(b"A: b\r\n" * 300), 431),
    "ten thousand headers": (post(b"A: b\r\n" * 10_000), 431),
    "a header that is too long": (post(b"A: %b\r\n" % (b"b" * 70_000)), 431),
    # RFC 9112 §2.3, §3.1; RFC 9110 §9.1, §15.6.2, §15.6.6
    "a verb in small letters": (post(line=b"post /mcp HTTP/1.1"), 501),
    "a verb that nobody knows": (post(line=b"GREET /mcp HTTP/1.1"), 501),
    "a verb that begins as another": (post(line=b"POSTED /mcp HTTP/1.1"), 501),
    "no verb at all": (post(line=b"/mcp HTTP/1.1"), 400),
    "a verb and no version": (post(line=b"GREET /mcp"), 400),
    "a tunnel": (b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a tunnel to here": (b"CONNECT /mcp HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "HTTP/1.2": (post(line=b"POST /mcp HTTP/1.2"), 505),
    "HTTP/3.0": (post(line=b"POST /mcp HTTP/3.0"), 505),
    "HTTP/2.0": (post(line=b"POST /mcp HTTP/2.0"), 505),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9, 400),
    "a greeting of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 600, 400),
    # RFC 9112 §3.2: whom it is for
    "no host": (post(without=(HOST,)), 400),
    "two hosts": (host(b"localhost", b"evil.example"), 400),
    "the same host twice": (host(b"localhost", b"localhost"), 400),
    "an empty host": (host(b""), 400),
    "a host with a user": (host(b"evil.example@localhost"), 400),
    "a host with a path": (host(b"localhost/mcp"), 400),
    "a host with a fragment": (host(b"localhost#@evil.example"), 400),
    "a host that is a list": (host(b"localhost, localhost"), 400),
    "a port that is none": (host(b"localhost:http"), 400),
    "an address without brackets": (host(b"::1"), 400),
    "a target that names no host": (to(b"http:///mcp"), 400),
    "a target with a user": (to(b"http://evil.example@localhost/mcp"), 400),
    "a target without a path": (to(b"http://localhost"), 400),
    "a target that is no web page": (to(b"ftp://localhost/mcp"), 400),
    "a target without a slash": (to(b"mcp"), 400),
}
"""What is not acted on: nobody knows where the next request begins, so the connection ends."""

SERVED: Final[dict[str, tuple[bytes, int]]] = {
    "as it should be": (post(), 200),
    "spaces around the length": (length(b"  %d " % len(GREET)), 200),
    "bytes that are no ASCII": (post(b"X-More: \xff\xfe\r\n"), 200),
    "chunks in capitals": (coded(b"CHUNKED"), 200),
    "chunks of one byte": (chunked(chunks(*[GREET[i : i + 1] for i in range(len(GREET))])), 200),
    "trailers that would be headers": (
        chunked(chunks(GREET, end=b"0\r\nMcp-Name: demo_fail\r\nHost: evil.example\r\n\r\n")),
        200,
    ),
    "many headers": (post(b"A: b\r\n" * 200), 200),
    # RFC 9112 §3.2.2: the target's host goes before the header's
    "a target with our host": (to(b"http://localhost/mcp"), 200),
    "a target with an address": (to(b"http://[::1]:80/mcp"), 200),
    "a target with a strange host": (to(b"http://evil.example/mcp"), 403),
    # RFC 3986 §6.2: the path is the one that is served, whoever writes it how
    "a path that is escaped": (to(b"/%6Dc%70"), 200),
    "a question": (to(b"/mcp?a=b"), 200),
    "two slashes": (to(b"//mcp"), 404),
    "a host after two slashes": (to(b"//evil.example/mcp"), 404),
    "a path that goes back": (to(b"/x/../mcp"), 404),
    "a null in the path": (to(b"/mcp%00"), 404),
    "no path": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 204),
    # RFC 9110 §9.3, §15.5.6
    "TRACE": (b"TRACE /mcp HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "OPTIONS": (b"OPTIONS /mcp HTTP/1.1\r\n" + HOST + b"\r\n", 204),
    # RFC 9110 §7.8: a wish for another protocol may be ignored
    "a wish for HTTP/2": (post(UPGRADE), 200),
    "a wish for a web socket": (post(b"Connection: upgrade\r\nUpgrade: websocket\r\n"), 200),
    # MCP 2026-07-28, Streamable HTTP: Security; RFC 9110 §7.2
    "a port beyond all ports": (host(b"127.0.0.1:99999"), 200),
    "an address in brackets": (host(b"[::1]:8080"), 200),
    "capitals": (host(b"LocalHost"), 200),
    "a name that looks like an address": (host(b"127.0.0.1.evil.example"), 403),
    "an address in short": (host(b"127.1"), 403),
    "a name beyond ASCII": (host(b"xn--bcher-kva.example"), 403),
    "no origin to speak of": (origin(b"null"), 403),
    "a user in the origin": (origin(b"http://localhost@evil.example"), 403),
    "two origins": (origin(b"http://localhost", b"http://evil.example"), 403),
    "an extension's origin": (origin(b"chrome-extension://abcdef"), 403),
    "our origin at another port": (origin(b"https://LOCALHOST:3000"), 200),
    # RFC 9110 §8.3, §8.4, §10.1.1, §12.5.1; RFC 8259 §11: JSON has no charset
    "a form": (kind(b"application/x-www-form-urlencoded"), 415),
    "a form of parts": (kind(b"multipart/form-data; boundary=x"), 415),
    "two kinds": (post(b"Content-Type: text/plain\r\n"), 415),
    "JSON in capitals": (kind(b"Application/JSON; charset=utf-16"), 200),
    "compressed": (post(b"Content-Encoding: gzip\r\n"), 415),
    "not compressed": (post(b"Content-Encoding: identity\r\n"), 200),
    "what nobody can fulfil": (post(b"Expect: miracles\r\n"), 417),
    "anything but JSON": (accept(b"application/json;q=0, text/html"), 406),
    "something like JSON": (accept(b"application/jsonx"), 406),
    "whatever there is": (accept(b"text/html, */*;q=0.1"), 200),
    # MCP 2026-07-28, Server Validation
    "the method twice": (post(b"Mcp-Method: tools/call\r\n"), 400),
    "two names": (post(b"Mcp-Name: demo_fail\r\n"), 400),
    "two versions": (post(b"MCP-Protocol-Version: 2025-11-25\r\n"), 400),
    # JSON-RPC 2.0 §4; MCP 2026-07-28, Base Protocol; RFC 8259 §8.1
    "null": (body(b"null"), 400),
    "an empty batch": (body(b"[]"), 400),
    "a byte order mark": (body(b"\xef\xbb\xbf" + GREET), 400),
    "UTF-16": (body(GREET.decode().encode("utf-16")), 400),
    "two messages": (body(GREET + b"\n" + GREET), 400),
    "a null behind the message": (body(GREET + b"\0"), 400),
    "an id that is null": (greeting(id=b"null"), 400),
    "an id that is true": (greeting(id=b"true"), 400),
    "an id that is no whole number": (greeting(id=b"1.5"), 400),
    "an id that is a list": (greeting(id=b"[1]"), 400),
    "an id of a hundred digits": (greeting(id=b"9" * 100), 200),
    "arguments that nest deeply": (
        greeting(arguments=b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        400,
    ),
    "a number of 5,000 digits": (greeting(arguments=b'{"name":%b}' % (b"9" * 5000)), 200),
    "arguments that are no object": (greeting(arguments=b"[]"), 200),
    "text that is no UTF-8": (greeting(arguments=b'{"name":"\xff"}'), 400),
    "as long as may be": (body(PADDING + GREET), 200),
}
"""What is understood, though not always served: the connection goes on."""


@pytest.mark.parametrize(("sent", "status"), FRAMING.values(), ids=FRAMING.keys())
def test_what_is_no_request_ends_its_connection(url: str, sent: bytes, status: int) -> None:
    reply = send(url, sent)
    assert (reply.status, reply.closes) == (status, True), reply.body
    assert call(url, "demo_greet").status == 200


@pytest.mark.parametrize(("sent", "status"), SERVED.values(), ids=SERVED.keys())
def test_a_strange_request_gets_its_status_and_the_next_is_served(
    url: str, sent: bytes, status: int
) -> None:
    with Sender(url) as sender:
        sender.send(sent)
        reply = sender.reply()
        assert (reply.status, reply.closes) == (status, False), reply.body
        sender.send(post())
        assert sender.reply().status == 200


def test_what_comes_before_garbage_is_answered_and_the_garbage_is_not(url: str) -> None:
    with Sender(url) as sender:
        sender.send(post() + post(b"X-Other: a\r\n") + b"garbage\r\n\r\n")
        assert [sender.reply().status, sender.reply().status] == [200, 200]
        assert sender.rest() == b""


def test_requests_in_a_row_are_answered_in_their_order(url: str) -> None:
    requests = [greeting(id=b"%d" % number) for number in range(100)]
    with Sender(url) as sender:
        sender.send(b"".join(requests))
        assert [json.loads(sender.reply().body)["id"] for _ in requests] == list(range(100))


def test_wishes_for_another_protocol_in_a_row_are_ignored_one_by_one(url: str) -> None:
    get = b"GET /health HTTP/1.1\r\n" + HOST + UPGRADE + b"\r\n"
    with Sender(url) as sender:
        sender.send((get + post(UPGRADE)) * 500)
        assert {sender.reply().status for _ in range(1000)} == {200}


def test_nothing_is_served_after_a_request_that_was_to_be_the_last(url: str) -> None:
    with Sender(url) as sender:
        sender.send(post(b"Connection: close\r\n") + post())
        assert sender.reply().closes
        assert sender.rest() == b""


def test_a_body_is_asked_for_only_if_it_would_be_read(url: str) -> None:
    with Sender(url) as sender:
        sender.send(post(b"Expect: 100-Continue\r\n", body=b"").replace(b": 0", b": 9"))
        assert sender.reply().status == 100
    evil = post(b"Origin: http://evil.example\r\nExpect: 100-continue\r\n", body=b"")
    assert send(url, evil.replace(b"Length: 0", b"Length: 9")).status == 403


def test_a_response_without_content_says_nothing_of_its_length(url: str) -> None:
    initialize = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize}
    opened = send(url, post(without=(NAMES,), body=json.dumps(message).encode()))
    session = b"Mcp-Session-Id: %b\r\n" % opened.headers["mcp-session-id"].encode()
    ended = send(url, b"DELETE /mcp HTTP/1.1\r\n" + HOST + session + b"\r\n")
    assert ended.status == 204
    assert "content-length" not in ended.headers  # RFC 9110 §8.6
