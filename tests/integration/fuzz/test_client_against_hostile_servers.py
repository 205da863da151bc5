"""Whatever a server writes, the client raises its own errors only, and other calls are unhurt."""

import asyncio
import contextlib
import gc
import json
import sys
import threading
from pathlib import Path

import pytest
from hostile_http import HTTP_BYTES, HostileHttp
from mutations import PROGRESS, RESULTS, answer, generator, pieces, spoilt

from scaffold._mcp.jsonrpc import Message, read_message
from scaffold._mcp.message_templates import TemplateCache
from scaffold._mcp.notifications import read_progress
from scaffold.client._http import AsyncHttpChannel, HttpChannel
from scaffold.client._http.http11.messages import ResponseParser
from scaffold.client._http.protocol_driver import ProtocolDriver
from scaffold.client._http.response_parsing import EventStream
from scaffold.client._http.session import HttpSession
from scaffold.client._http.transport.io_requests import Done, Read, RequestFailed, SendRequest
from scaffold.client._http.transport.server_address import ServerAddress
from scaffold.client._protocol.call_codecs import make_codec
from scaffold.client._protocol.session import ProtocolSession
from scaffold.client._stdio.async_channel import AsyncStdioChannel
from scaffold.client._stdio.channel import StdioChannel
from scaffold.client._stdio.connection.response_router import ResponseRouter
from scaffold.contract._errors.errors import ScaffoldError
from scaffold.kinds.tool_v1 import TOOL, AsyncToolClient, ExecuteInput, ToolClient
from scaffold.kinds.tool_v1.plugin import EXECUTE, GET_SCHEMA

pytestmark = pytest.mark.ci

INPUT = ExecuteInput(function="echo", args={"text": "x"})
PEER = [sys.executable, "-S", str(Path(__file__).with_name("hostile_server.py"))]


def times(few, many):
    return pytest.mark.parametrize("count", [few, pytest.param(many, marks=pytest.mark.slow)])


@times(2000, 400_000)
def test_lines_hurt_no_call_but_their_own(count):
    chance = generator(1)
    templates = TemplateCache("structuredContent")
    bystander = answer("tools/call", 0)
    for method in RESULTS:
        router = ResponseRouter(
            "fuzz", 1 << 20, lambda message, line: read_progress(line), templates
        )
        for number in range(1, count // len(RESULTS)):
            delivered = []
            router.last_id = 2 * number + 1
            router.pending[2 * number] = delivered.append
            theirs = []
            router.pending[2 * number + 1] = theirs.append
            message = answer(method, 2 * number) if number % 5 else PROGRESS
            for piece in pieces(chance, spoilt(chance, message).replace(b"\n", b"") + b"\n"):
                router.feed(piece)
            bystander["id"] = 2 * number + 1
            if not theirs:
                # Nothing has named this call: its answer is its own.
                router.feed(json.dumps(bystander).encode() + b"\n")
                assert isinstance(theirs[0], Message)
            router.pending.pop(2 * number, None)
            assert router.pending == {}
            assert not router.buffer
            assert all(isinstance(one, Message | ScaffoldError) for one in delivered if one)


def _converse(talk, answers):
    """Carry the messages of a session that opens or lists."""
    outgoing = next(talk)
    with contextlib.suppress(StopIteration):
        while True:
            outgoing = talk.send(answers(outgoing.method) if outgoing.expects_response else None)


@times(1000, 250_000)
def test_messages_in_a_session_raise_errors_of_the_library_only(count):
    chance = generator(2)
    for _number in range(count):
        fault = chance.choice(list(RESULTS))

        def answers(method, fault=fault):
            message = answer(method, 1)
            data = spoilt(chance, message) if method == fault else json.dumps(message).encode()
            try:
                return read_message(data)
            except Exception as error:
                raise _Unread from error

        session = ProtocolSession(TOOL, "fuzz")
        with contextlib.suppress(ScaffoldError, _Unread):
            _converse(session.open(), answers)
            GET_SCHEMA.output.load(session.catalogue(GET_SCHEMA))
            call = make_codec(session, EXECUTE)
            outgoing = call.write(INPUT)
            call.read(answers("tools/call"), outgoing.name)


class _Unread(Exception):
    """A message that cannot be read: the reader of the pipe deals with it."""


class _Head:
    def __init__(self, status, kind):
        self.status = status
        self._kind = kind

    def get_header(self, key):
        return self._kind if key == "content-type" else None


@times(1000, 150_000)
def test_bodies_and_events_raise_errors_of_the_library_only(count):
    chance = generator(3)
    for _number in range(count):
        fault = chance.choice(list(RESULTS))
        peer = ProtocolDriver(ServerAddress("http://127.0.0.1/", {}), HttpSession(TOOL, "fuzz"), 5)
        with contextlib.suppress(ScaffoldError):
            _perform(chance, peer.open(), fault)
            _perform(chance, peer.bind(GET_SCHEMA)(None).steps(), fault)
            calling = peer.bind(EXECUTE)(INPUT)
            with contextlib.suppress(ScaffoldError):
                calling.fast.read(spoilt(chance, answer("tools/call", 4)))
            _perform(chance, calling.steps(), fault)


def _perform(chance, steps, fault):
    body = []
    step = next(steps)
    for _ in range(200):
        if isinstance(step, Done):
            return step.value
        if isinstance(step, SendRequest):
            asked = json.loads(step.body) if step.body else {}
            message = answer(asked.get("method"), asked.get("id")) if "id" in asked else {}
            bad = asked.get("method") == fault
            data = spoilt(chance, message) if bad else json.dumps(message).encode()
            events = bad and chance.random() < 0.5
            if events:
                data = b"event: message\ndata: " + data + b"\n\n"
            body = [*pieces(chance, data), None]
            kind = "text/event-stream" if events else "application/json"
            status = chance.choice([200, 200, 200, 202, 400, 404, 500]) if bad else 200
            step = steps.send(_Head(status, kind))
        elif isinstance(step, Read):
            step = steps.send(body.pop(0) if body else None)
        else:
            step = steps.send(None)
    steps.close()
    return None


RESPONSE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
)


@times(2000, 300_000)
def test_frames_are_responses_or_broken(count):
    chance = generator(4)
    for _number in range(count):
        data = chance.choice(RESPONSE)
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(data))
            data = data[:at] + chance.choice(HTTP_BYTES) + data[at + chance.randrange(3) :]
        reader, events = ResponseParser(), EventStream()
        with contextlib.suppress(RequestFailed):
            for piece in pieces(chance, data):
                reader.feed(piece)
            reader.end()
        list(events.feed(data))
        assert reader.pending <= len(data)


def _descriptors():
    gc.collect()
    return len([*Path("/dev/fd").iterdir()])


@times(60, 3000)
def test_sequences_over_a_pipe_end_every_call_and_hurt_no_other(count):
    before = _descriptors(), threading.active_count()
    with ToolClient(StdioChannel([*PEER, "7"], kind=TOOL, plugin="fuzz", timeout=30)) as client:
        outcomes = set()
        for number in range(count):
            try:
                outcomes.add(_own(client.execute(_numbered(number)), number))
            except ScaffoldError as error:
                outcomes.add(type(error).__name__)
        assert "own" in outcomes
        assert "wrong" not in outcomes
    assert _descriptors() == before[0]
    assert threading.active_count() <= before[1] + 1


@times(60, 3000)
def test_sequences_over_a_pipe_in_a_loop_end_every_call_and_hurt_no_other(count):
    before = _descriptors()
    outcomes = []

    async def call(client, number):
        try:
            outcomes.append(_own(await client.execute(_numbered(number)), number))
        except ScaffoldError as error:
            outcomes.append(type(error).__name__)

    async def run():
        channel = AsyncStdioChannel([*PEER, "8"], kind=TOOL, plugin="fuzz", timeout=30)
        await channel.connect()
        async with AsyncToolClient(channel) as client:
            for first in range(0, count, 10):
                await asyncio.gather(*(call(client, first + n) for n in range(10)))
            assert channel._connection.router.pending == {}
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1
    assert len(outcomes) == count
    assert "own" in outcomes
    assert "wrong" not in outcomes
    assert _descriptors() == before


def _numbered(number):
    return ExecuteInput(function="echo", args={"number": number})


def _own(output, number):
    """Tell whether a call has its own answer, another's, or its own as the server spoilt it."""
    said = output.result.get("n") if isinstance(output.result, dict) else None
    if said is None:
        return "spoilt"
    return "own" if said == number else "wrong"


@times(60, 2000)
def test_sequences_over_a_socket_end_every_call_and_hurt_no_other(count):
    with HostileHttp(9) as url:
        before = _descriptors()
        with ToolClient(HttpChannel(url, kind=TOOL, plugin="fuzz", timeout=30)) as client:
            outcomes = set()
            for number in range(count):
                try:
                    outcomes.add(_own(client.execute(_numbered(number)), number))
                except ScaffoldError as error:
                    outcomes.add(type(error).__name__)
        assert "own" in outcomes
        assert "wrong" not in outcomes
        assert _descriptors() <= before + 1


@times(60, 2000)
def test_sequences_over_a_socket_in_a_loop_end_every_call_and_hurt_no_other(count):
    outcomes = []

    async def call(client, number):
        try:
            outcomes.append(_own(await client.execute(_numbered(number)), number))
        except ScaffoldError as error:
            outcomes.append(type(error).__name__)

    async def run(url):
        channel = AsyncHttpChannel(url, kind=TOOL, plugin="fuzz", timeout=30)
        await channel.connect()
        async with AsyncToolClient(channel) as client:
            for first in range(0, count, 10):
                await asyncio.gather(*(call(client, first + n) for n in range(10)))
        return len(asyncio.all_tasks())

    with HostileHttp(10) as url:
        assert asyncio.run(run(url)) == 1
    assert len(outcomes) == count
    assert "own" in outcomes
    assert "wrong" not in outcomes
