"""Responses as they come over a connection to this machine: what is read, kept and refused."""

import pytest

from scaffold.client._http.http11.messages import ResponseParser
from scaffold.client._http.transport.io_requests import Failure, RequestFailed

OK = b"HTTP/1.1 200 OK\r\n"
SHORT = OK + b"content-length: 2\r\n\r\n{}"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


def read(*pieces: bytes, end: bool = False) -> ResponseParser:
    reader = ResponseParser()
    for piece in pieces:
        reader.feed(piece)
    if end:
        reader.end()
    return reader


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(SHORT, id="by its length"),
        pytest.param(CHUNKED + b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\nx: y\r\n\r\n", id="in chunks"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + SHORT, id="after hints"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + SHORT, id="after a go-ahead"),
    ],
)
def test_a_response_is_read_whole_wherever_it_is_cut(data: bytes, size: int) -> None:
    reader = read(*(data[i : i + size] for i in range(0, len(data), size)))
    assert (reader.status, reader.take(), reader.done, reader.keeps) == (200, b"{}", True, True)
    assert reader.get_header("link") is None


def test_headers_are_found_whatever_their_case_and_space() -> None:
    reader = read(OK + b"Content-Type:  a/b \r\nX: 1\r\nx: 2\r\n\r\n")
    assert reader.get_header("content-type") == "a/b"
    assert reader.get_header("x") == "1, 2"
    assert reader.get_header("y") is None


def test_a_body_may_go_on_to_the_end_of_the_connection() -> None:
    reader = read(OK + b"\r\n", b"some", b"thing")
    assert not reader.done
    reader.end()
    assert (reader.take(), reader.done, reader.keeps) == (b"something", True, False)


@pytest.mark.parametrize(
    ("data", "keeps"),
    [
        (SHORT, True),
        (OK + b"connection: close\r\ncontent-length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", True),
    ],
)
def test_a_connection_is_kept_if_the_server_keeps_it(data: bytes, keeps: bool) -> None:
    reader = read(data)
    assert (reader.done, reader.keeps) == (True, keeps)


@pytest.mark.parametrize("pieces", [(SHORT + SHORT,), (SHORT, SHORT), (SHORT + b"?",)])
def test_a_connection_that_says_more_than_was_asked_is_not_kept(pieces: tuple[bytes, ...]) -> None:
    reader = read(*pieces)
    assert (reader.take(), reader.done, reader.keeps) == (b"{}", True, False)


def test_one_response_follows_another() -> None:
    reader = read(SHORT)
    reader.take()
    reader.begin()
    reader.feed(OK + b"x: y\r\ncontent-length: 3\r\n\r\nabc")
    assert (reader.take(), reader.get_header("x"), reader.done) == (b"abc", "y", True)


REFUSED = {
    "no HTTP": (b"220 ready\r\n", Failure.GARBLED, "not HTTP"),
    "another protocol": (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        Failure.GARBLED,
        "goes on in another protocol",
    ),
    "a head without end": (OK + b"x: y\r\n" * 20_000, Failure.GARBLED, "the head is too large"),
    "hints without end": (
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 4_000,
        Failure.GARBLED,
        "the head is too large",
    ),
    "two lengths": (
        OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\n",
        Failure.GARBLED,
        "not HTTP",
    ),
    "a length and chunks": (
        OK + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        Failure.GARBLED,
        "not HTTP",
    ),
    "a line feed alone": (b"HTTP/1.1 200 OK\ncontent-length: 2\n\n{}", Failure.GARBLED, "not HTTP"),
    "a chunk without a size": (CHUNKED + b"zz\r\n", Failure.CUT, "not HTTP: .*chunk size"),
    "fields behind the body without end": (
        CHUNKED + b"0\r\n" + b"x: y\r\n" * 40_000,
        Failure.CUT,
        "fields behind the body are too large",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_response_is_refused(name: str) -> None:
    data, failure, text = REFUSED[name]
    with pytest.raises(RequestFailed, match=text) as refused:
        read(*(data[i : i + 4096] for i in range(0, len(data), 4096)))
    assert refused.value.failure is failure


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "before the response began"),
        (OK, "before the response began"),
        (OK + b"content-length: 2\r\n\r\n{", "before the body did"),
        (CHUNKED + b"1\r\n{\r\n", "before the body did"),
    ],
)
def test_an_end_that_comes_too_early_is_told(data: bytes, text: str) -> None:
    with pytest.raises(RequestFailed, match=text) as broken:
        read(data, end=True)
    assert broken.value.failure is Failure.CUT


@pytest.mark.parametrize("callback", ["on_header", "on_body", "on_message_complete"])
def test_an_interrupt_in_a_callback_of_the_parser_is_raised_as_it_is(callback, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ResponseParser, callback, interrupted)
    with pytest.raises(KeyboardInterrupt):
        read(SHORT)
