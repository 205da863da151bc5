"""Event streams: the standard's rules, however the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.client._http.response_parsing import EventStream

STREAMS = {
    "a line feed": (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    "a carriage return": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "both": (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    "no space": (b"data:a\n\n", [b"a"]),
    "two spaces": (b"data:  a\n\n", [b" a"]),
    "many lines": (b"data: a\ndata\ndata: b\n\n", [b"a\n\nb"]),
    "a mark of byte order": (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    "comments": (b": hi\n\n:\ndata: a\n: x\n\n", [b"a"]),
    "no data": (b"id: 1\n\nevent: x\n\n\n", []),
    "other events": (
        b"event: ping\ndata: a\n\nevent: message\ndata: b\n\ndata: c\n\n",
        [b"b", b"c"],
    ),
    "unknown fields": (b"fruit: x\ndata: a\n\n", [b"a"]),
    "an event without end": (b"data: a\n\ndata: b\n", [b"a"]),
    "characters of many bytes": ("data: é\u2028\n\n".encode(), ["é\u2028".encode()]),
}


def read(*chunks: bytes) -> tuple[list[bytes], EventStream]:
    events = EventStream()
    return [data for chunk in chunks for data in events.feed(chunk)], events


@pytest.mark.parametrize("name", STREAMS)
def test_messages_are_read(name: str) -> None:
    stream, expected = STREAMS[name]
    assert read(stream)[0] == expected


@pytest.mark.parametrize("name", STREAMS)
def test_messages_are_the_same_if_they_come_byte_by_byte(name: str) -> None:
    stream, expected = STREAMS[name]
    assert read(*(bytes([byte]) for byte in stream))[0] == expected


@given(st.lists(st.sampled_from([b"data: a", b"\n", b"\r", b"\r\n", b"id: 7", b"x"])), st.data())
def test_where_the_bytes_are_cut_makes_no_difference(
    parts: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(parts)
    cut = data.draw(st.integers(0, len(stream)))
    assert read(stream[:cut], stream[cut:])[0] == read(stream)[0]


def test_the_last_id_and_the_pause_are_kept() -> None:
    _messages, events = read(b"id: 1\nretry: 250\ndata: a\n\nid: 2\n\nid: bad\0\nretry: soon\n\n")
    assert (events.last_id, events.retry) == ("2", 0.25)


def test_an_id_counts_once_its_event_is_complete() -> None:
    assert read(b"id: 1\n\nid: 2\ndata: a\n")[1].last_id == "1"


def test_bytes_of_an_unfinished_event_are_counted() -> None:
    _messages, events = read(b"data: a\n\n", b"data: b", b"bb")
    assert (events.pending, events.total) == (9, 18)
