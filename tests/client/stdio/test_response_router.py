"""The inbox takes bytes as they come: however they are cut, and whatever they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold._mcp.jsonrpc import Message
from scaffold._mcp.message_templates import TemplateCache, TemplateMatch
from scaffold._mcp.protocol_versions import MODERN
from scaffold.client._protocol.call_codecs import CallCodec
from scaffold.client._protocol.session import ProtocolSession
from scaffold.client._stdio.connection.response_router import ResponseRouter
from scaffold.contract._errors.errors import InvalidOutput, ProtocolError
from scaffold.contract._hooks.hook import Kind
from scaffold.kinds.tool_v1 import TOOL


def router_waiting_for(*numbers, limit=1 << 20):
    router = ResponseRouter(
        "faulty", limit, lambda _message, _line: None, TemplateCache("structuredContent")
    )
    router.last_id = max(numbers, default=0)
    answers = {}
    for number in numbers:
        router.pending[number] = lambda answer, number=number: answers.setdefault(number, answer)
    return router, answers


def feed(router, data, cuts):
    start = 0
    for end in sorted({cut % (len(data) + 1) for cut in cuts} | {len(data)}):
        if end > start:
            router.feed(data[start:end])
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
    router, answers = router_waiting_for(*order)
    feed(router, b"".join(lines), cuts)
    assert {number: bytes(answer.result) for number, answer in answers.items()} == {
        number: str(number).encode() for number in order
    }
    assert router.pending == {}


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=5))
def test_no_bytes_harm_the_answer_that_follows_them(data, cuts):
    router, answers = router_waiting_for(7)
    feed(router, data + b"\n", cuts)
    router.feed(b'{"jsonrpc":"2.0","id":7,"result":{}}\n')
    assert isinstance(answers[7], Message)


@pytest.mark.parametrize("cuts", [[], [50]])
def test_a_line_beyond_the_limit_is_refused_before_it_ends(cuts):
    router, _answers = router_waiting_for(limit=100)
    with pytest.raises(ProtocolError, match="a line of more than 100 bytes"):
        feed(router, b"x" * 101, cuts)


def test_only_the_first_odd_lines_are_logged_and_all_are_counted(caplog):
    router, _answers = router_waiting_for()
    for number in range(100):
        router.feed(b"line %d\n" % number)
    assert len(caplog.records) == 10
    assert router.remarks.startswith("; it wrote 100 odd line(s), the last: 'line 99'")


def test_an_answer_like_an_earlier_one_is_read_without_a_scan_and_refused_as_any_other():
    plain = {**TOOL.describe("execute"), "content": False, "functions": None}
    kind = Kind.from_contract({**TOOL.contract, "hooks": {"execute": plain}})
    session = ProtocolSession(kind, "faulty")
    session.version = MODERN
    call = CallCodec(session, kind.hooks["execute"], "execute")
    answers = []
    router = ResponseRouter("faulty", 1 << 20, lambda _message, _line: None, session.templates)

    def read(number, result, cut):
        router.last_id = number
        router.pending[number] = answers.append
        line = b'{"jsonrpc":"2.0","id":%d,"result":{"structuredContent":%b}}\n' % (number, result)
        feed(router, line, cut)
        return call.read(answers[-1])

    assert read(1, b'{"result":1}', [])["result"] == 1
    assert isinstance(answers[-1], Message)
    for number, cut in ((2, []), (3, [30]), (4, [60])):
        assert read(number, b'{"result":%d}' % number, cut)["result"] == number
        assert isinstance(answers[-1], TemplateMatch)
    with pytest.raises(InvalidOutput):
        read(5, b"7", [])
    with pytest.raises(ProtocolError, match="the answer is not a JSON-RPC response, not JSON"):
        read(6, b'{"result":', [])
    assert read(7, b'{"result":7},"content":[]', [])["result"] == 7
    assert router.pending == {}


def _result(number, payload="{}"):
    head = b'"result":{"isError":false,"structuredContent":'
    return b'{"jsonrpc":"2.0","id":%d,%b%b}}\n' % (number, head, payload.encode())


@pytest.fixture
def familiar():
    """An inbox that knows how answers begin."""
    templates = TemplateCache("structuredContent")
    templates.remember(_result(1)[:-1], b"{}", value=True)
    return ResponseRouter("faulty", 1 << 20, lambda _message, _line: None, templates)


def test_an_answer_that_comes_alone_is_taken_as_it_is(familiar):
    line = _result(7, '{"a":1}')
    familiar.buffer.append(line)
    assert familiar.take_lone_response(7) == (b'{"a":1}', line)
    assert familiar.delivered_count == 1
    assert not familiar.buffer


@pytest.mark.parametrize(
    "data",
    [
        b"",
        _result(8),
        _result(77),
        _result(7)[:-1],
        b"\n" + _result(7),
        _result(7) + b"\n",
        _result(7) + _result(8),
        _result(7).replace(b"false", b"true"),
        _result(7, "{}\n{}"),
    ],
)
def test_what_is_not_the_answer_alone_is_left_for_the_long_way(familiar, data):
    familiar.buffer.append(data)
    assert familiar.take_lone_response(7) is None
    assert familiar.delivered_count == 0
    assert list(familiar.buffer) == [data]


def test_no_answer_is_familiar_before_the_first():
    router, _answers = router_waiting_for(7)
    router.buffer.append(b'{"jsonrpc":"2.0","id":7\n{}}}\n')
    assert router.take_lone_response(7) is None


def test_the_rest_of_a_line_is_no_answer(familiar):
    familiar.feed(b'{"jsonrpc":')
    familiar.buffer.append(_result(7))
    assert familiar.take_lone_response(7) is None
