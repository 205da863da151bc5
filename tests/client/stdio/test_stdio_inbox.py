"""The inbox takes bytes as they come: however they are cut, and whatever they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.client.stdio.inbox import Inbox
from scaffold.contract.errors import ProtocolError
from scaffold.wire.heads import Heads
from scaffold.wire.messages import Message


def inbox_waiting_for(*numbers, limit=1 << 20):
    inbox = Inbox("animal", limit, lambda _message, _line: None, Heads("structuredContent"))
    inbox.last_id = max(numbers, default=0)
    answers = {}
    for number in numbers:
        inbox.waiting[number] = lambda answer, number=number: answers.setdefault(number, answer)
    return inbox, answers


def feed(inbox, data, cuts):
    start = 0
    for end in sorted({cut % (len(data) + 1) for cut in cuts} | {len(data)}):
        if end > start:
            inbox.feed(data[start:end])
            start = end


@given(
    order=st.permutations(range(1, 6)),
    cuts=st.lists(st.integers(0, 10_000), max_size=30),
    noise=st.lists(st.sampled_from([b"\n", b"\r\n", b"Hello!\n", b"{\n", b"[]\n", b"null\n"])),
)
def test_answers_arrive_once_in_any_order_however_they_are_cut(order, cuts, noise):
    lines = [json.dumps({"jsonrpc": "2.0", "id": n, "result": n}).encode() + b"\n" for n in order]
    for place, line in enumerate(noise):
        lines.insert(place % (len(lines) + 1), line)
    inbox, answers = inbox_waiting_for(*order)
    feed(inbox, b"".join(lines), cuts)
    assert {number: bytes(answer.result) for number, answer in answers.items()} == {
        number: str(number).encode() for number in order
    }
    assert inbox.waiting == {}


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=5))
def test_no_bytes_harm_the_answer_that_follows_them(data, cuts):
    inbox, answers = inbox_waiting_for(7)
    feed(inbox, data + b"\n", cuts)
    inbox.feed(b'{"jsonrpc":"2.0","id":7,"result":{}}\n')
    assert isinstance(answers[7], Message)


@pytest.mark.parametrize("cuts", [[], [50]])
def test_a_line_beyond_the_limit_is_refused_before_it_ends(cuts):
    inbox, _answers = inbox_waiting_for(limit=100)
    with pytest.raises(ProtocolError, match="a line of more than 100 bytes"):
        feed(inbox, b"x" * 101, cuts)


def test_only_the_first_odd_lines_are_logged_and_all_are_counted(caplog):
    inbox, _answers = inbox_waiting_for()
    for number in range(100):
        inbox.feed(b"line %d\n" % number)
    assert len(caplog.records) == 10
    assert inbox.remarks.startswith("; it wrote 100 odd line(s), the last: 'line 99'")
