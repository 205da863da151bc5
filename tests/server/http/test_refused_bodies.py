"""Bodies that are refused: the answer can be read, and says what is wrong."""

import json
import socket
from urllib.parse import urlsplit

import pytest
from http_requests import ask, call, mirror
from serving import PATIENCE, Start, modern

LIST = modern("tools/list")
LONG = 8 * 2**20
"""More than the sockets hold, and more than the server of these tests reads."""


@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"], ids=["kept", "closed"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_who_sends_a_body_whole_before_reading_reads_why_it_is_refused(
    url: str, more: bytes, chunked: bool
) -> None:
    head = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + more
    body = b" " * LONG
    if chunked:
        head += b"Transfer-Encoding: chunked\r\n\r\n"
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (LONG, body)
    else:
        head += b"Content-Length: %d\r\n\r\n" % LONG
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as sender:
        sender.sendall(head)
        sender.sendall(body)
        with sender.makefile("rb") as answer:
            assert answer.readline() == b"HTTP/1.1 413 Request Entity Too Large\r\n"
    assert call(url, "demo_greet").status == 200


def test_a_head_that_is_refused_can_be_sent_whole_first(url: str) -> None:
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as sender:
        sender.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-More: " + b"x" * 500_000)
        with sender.makefile("rb") as answer:
            assert answer.readline().startswith(b"HTTP/1.1 431 ")
            assert answer.read().endswith(b"The head of the request is longer than 65536 bytes.")


@pytest.mark.parametrize("where", ["clientInfo", "other", "argument"])
def test_a_body_that_is_not_utf_8_is_refused_wherever_the_bytes_stand(url: str, where: str) -> None:
    message = modern("tools/call", name="demo_greet", arguments={"name": "AZ"})
    if where != "argument":
        message["params"]["_meta"][where] = {"name": "AZ"}
        message["params"]["arguments"] = {}
    body = json.dumps(message).encode().replace(b"AZ", b"\xff\xfe")
    for _ in range(40):  # also once such calls have become familiar
        assert call(url, "demo_greet", name="A\u00e9").status == 200
    answer = ask(url, body, **mirror(message))
    assert (answer.status, answer.code) == (400, -32700)


def test_a_request_without_a_method_is_invalid_whatever_its_headers_say(url: str) -> None:
    message = modern("server/discover")
    headers = mirror(message)
    del message["method"]
    answer = ask(url, message, **headers)
    assert (answer.status, answer.code) == (400, -32600)


def test_a_line_without_a_method_is_answered_so_too(start: Start) -> None:
    server = start()
    server.send({"jsonrpc": "2.0", "id": 7})
    answer = server.receive()
    assert (answer["id"], answer["error"]["code"]) == (7, -32600)


@pytest.mark.parametrize("cursor", ["bogus", "", 7])
def test_a_page_that_was_never_offered_is_refused(url: str, cursor: object) -> None:
    message = modern("tools/list", cursor=cursor)
    assert ask(url, message, **mirror(message)).code == -32602
    assert ask(url, modern("tools/list", cursor=None), **mirror(LIST)).status == 200
