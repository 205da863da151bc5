"""Requests that have no end, in bytes or in time, against the protocol in this process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from uvicorn.server import ServerState

from scaffold._mcp.message_templates import TemplateCache
from scaffold.server._http import connection_limits
from scaffold.server._http.connection_limits import close_overdue
from scaffold.server._http.fast_requests import HttpTemplates
from scaffold.server._http.head_syntax import Header
from scaffold.server._http.http_exchange import Receive, Scope, Send
from scaffold.server._http.http_protocol import HttpProtocol, http_connections
from scaffold.server._protocol.tool_calls import ToolResponder

HEAD = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PATIENCE = 10.0


class Site:
    """A server whose application answers with the body that it got, and what it has seen."""

    def __init__(self) -> None:
        self.state = ServerState()
        self.headers: list[dict[bytes, bytes]] = []
        self.events: list[str] = []
        self.asked = asyncio.Semaphore(0)
        self.answering = asyncio.Event()
        self.answering.set()
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.headers.append(dict(scope["headers"]))
        body, more = b"", True
        while more:
            event = await receive()
            self.events.append(event["type"])
            self.asked.release()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        await self.answering.wait()
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    async def connect(self, *parts: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection, and send what the server must have read before going on."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        for part in parts:
            writer.write(part)
        await asyncio.sleep(0.02)
        return reader, writer

    def look(self) -> None:
        close_overdue(http_connections(self.state.connections))


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    made = Site()
    config = uvicorn.Config(
        made.app, http=HttpProtocol, interface="asgi3", lifespan="off", log_config=None
    )
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpProtocol(config=config, server_state=made.state, app_state={}), "127.0.0.1", 0
    )
    made.port = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(PATIENCE):
        yield made
        for writer in made.writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def run(test: Callable[[Site], Awaitable[None]]) -> None:
    async def within() -> None:
        async with site() as made:
            await test(made)

    asyncio.run(within())


@pytest.mark.parametrize("part", [HEAD[:9], HEAD, HEAD + b"Content-Length: 9\r\n\r\n{", CHUNKED])
def test_a_request_that_does_not_come_in_time_is_told_so(
    monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    monkeypatch.setattr(connection_limits, "_REQUEST_TIMEOUT", 0.0)

    async def test(site: Site) -> None:
        reader, _writer = await site.connect(part)
        site.look()
        assert (await reader.read()).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert site.events in ([], ["http.request", "http.disconnect"], ["http.disconnect"])

    run(test)


@pytest.mark.parametrize("earlier", [b"", HEAD + b"Content-Length: 2\r\n\r\n{}"])
def test_a_held_back_request_that_does_not_come_in_time_is_told_so(
    monkeypatch: pytest.MonkeyPatch, earlier: bytes
) -> None:
    """The fast path waits for the whole body, on a new connection or after another request."""
    monkeypatch.setattr(connection_limits, "_REQUEST_TIMEOUT", 0.0)
    held = asyncio.Semaphore(0)

    def find(_self: HttpTemplates, _headers: list[Header]) -> TemplateCache[ToolResponder]:
        held.release()
        return TemplateCache("arguments")

    monkeypatch.setattr(HttpTemplates, "find", find)

    async def test(site: Site) -> None:
        reader, writer = await site.connect()
        if earlier:
            writer.write(earlier)
            await held.acquire()
            assert (await reader.readuntil(b"{}")).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.write(HEAD + b"Content-Length: 9\r\n\r\n{")
        await held.acquire()
        site.look()
        assert (await reader.read()).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert len(site.headers) == bool(earlier)

    run(test)


def test_a_request_that_still_has_time_is_waited_for() -> None:
    async def test(site: Site) -> None:
        reader, writer = await site.connect(HEAD + b"Content-Length: 2\r\n\r\n{")
        site.look()
        writer.write(b"}")
        assert (await reader.read(99)).startswith(b"HTTP/1.1 200 OK\r\n")

    run(test)


def test_a_connection_that_says_nothing_is_closed_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_limits, "_REQUEST_TIMEOUT", 0.0)

    async def test(site: Site) -> None:
        reader, _writer = await site.connect()
        site.look()
        assert await reader.read() == b""

    run(test)


def test_no_time_runs_out_while_the_server_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "_REQUEST_TIMEOUT", 0.0)
    whole = HEAD + b"Content-Length: 2\r\n\r\n{}"

    async def test(site: Site) -> None:
        site.answering.clear()
        begun = await site.connect(whole, HEAD)
        queued = await site.connect(whole, whole[:-1])
        await site.asked.acquire()
        await site.asked.acquire()
        site.look()
        site.answering.set()
        for reader, _writer in (begun, queued):
            assert (await reader.read(99)).startswith(b"HTTP/1.1 200 OK\r\n")

    run(test)


def test_an_idle_connection_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "_REQUEST_TIMEOUT", 0.0)
    whole = HEAD + b"Content-Length: 2\r\n\r\n{}"

    async def test(site: Site) -> None:
        reader, writer = await site.connect(whole)
        await reader.read(99)
        site.look()
        writer.write(whole)
        assert (await reader.read(99)).startswith(b"HTTP/1.1 200 OK\r\n")

    run(test)


BODY = b"x" * 100_000
LARGE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


async def ask_and_never_read(site: Site) -> asyncio.StreamWriter:
    """Send until nothing more is taken."""
    reader, writer = await site.connect()
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(300):
        writer.write(LARGE)
    await settled(lambda: len(site.headers))
    return writer


async def settled(look: Callable[[], int]) -> None:
    """Wait until something no longer changes."""
    seen, before = look(), -1
    while seen != before:
        await asyncio.sleep(0.1)
        seen, before = look(), seen


def test_nothing_is_worked_off_for_a_client_that_does_not_read() -> None:
    async def test(site: Site) -> None:
        writer = await ask_and_never_read(site)
        assert len(site.headers) < 300
        assert writer.transport.get_write_buffer_size() > 0
        (connection,) = site.state.connections
        assert connection.transport.get_write_buffer_size() < 4 * len(BODY)
        site.look()
        reader, _writer = await site.connect(HEAD + b"Content-Length: 2\r\n\r\n{}")
        assert (await reader.read(99)).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.transport.abort()

    run(test)


def test_a_client_that_does_not_read_is_cut_off_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "_READ_TIMEOUT", 0.0)

    async def test(site: Site) -> None:
        writer = await ask_and_never_read(site)
        site.look()
        site.look()
        await settled(lambda: len(site.state.connections))
        assert not site.state.connections
        writer.transport.abort()

    run(test)


def test_a_client_that_reads_slowly_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "_READ_TIMEOUT", 0.5)

    async def test(site: Site) -> None:
        reader, writer = await site.connect()
        for _ in range(300):
            writer.write(LARGE)
        for _ in range(20):
            await reader.readexactly(len(BODY))
            await asyncio.sleep(0.04)
            site.look()
        assert not writer.transport.is_closing()
        writer.transport.abort()

    run(test)


def test_the_most_useless_makes_room_when_descriptors_get_scarce(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_limits, "_max_connections", lambda: 2)
    whole = HEAD + b"Content-Length: 0\r\n\r\n"

    async def test(site: Site) -> None:
        site.answering.clear()
        busy = await site.connect(whole)
        useless = [await site.connect() for _ in range(3)]
        assert await useless[0][0].read() == b""
        site.answering.set()
        assert (await busy[0].read(99)).startswith(b"HTTP/1.1 200 OK\r\n")
        useless[2][1].write(whole)
        assert (await useless[2][0].read(99)).startswith(b"HTTP/1.1 200 OK\r\n")

    run(test)


def test_those_idle_for_longest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "_MAX_IDLE", 1)
    whole = HEAD + b"Content-Length: 0\r\n\r\n"

    async def test(site: Site) -> None:
        idle = [await site.connect(whole) for _ in range(3)]
        for reader, _writer in idle:
            await reader.readuntil(b"\r\n\r\n")
        site.look()
        assert [await reader.read() for reader, _writer in idle[:2]] == [b"", b""]
        idle[2][1].write(whole)
        assert (await idle[2][0].read(99)).startswith(b"HTTP/1.1 200 OK\r\n")

    run(test)


def test_the_oldest_of_too_many_that_wait_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "_MAX_WAITING", 2)

    async def test(site: Site) -> None:
        waiting = [await site.connect(HEAD) for _ in range(4)]
        site.look()
        ended = [await reader.read() for reader, _writer in waiting[:2]]
        assert all(answer.startswith(b"HTTP/1.1 408") for answer in ended)
        _reader, writer = waiting[2]
        writer.write(b"Content-Length: 0\r\n\r\n")
        assert (await waiting[2][0].read(99)).startswith(b"HTTP/1.1 200 OK\r\n")

    run(test)


@pytest.mark.parametrize(
    "beginning",
    [
        HEAD + b"X-More: ",
        CHUNKED + b"1;more=",
        CHUNKED + b"1\r\n{\r\n0\r\nX-More: ",
        CHUNKED + b"1\r\n{\r\n0\r\n",
    ],
    ids=["head", "chunk extension", "trailer", "trailers"],
)
def test_what_is_no_body_is_limited_wherever_it_stands(beginning: bytes) -> None:
    line = b"x" if beginning.endswith((b" ", b"=")) else b"X-More: x\r\n"

    async def test(site: Site) -> None:
        reader, writer = await site.connect(beginning)
        sent = 0
        try:
            while sent < 10 * 2**20:
                writer.write(line * (2**14 // len(line)))
                sent += 2**14
                await writer.drain()
            refused = False
        except ConnectionError:
            refused = True
        assert refused or reader.at_eof() or (await reader.read()).startswith(b"HTTP/1.1 4")

    run(test)


def test_a_long_body_in_small_chunks_is_no_head() -> None:
    chunk = b"1;note=a\r\n{\r\n"

    async def test(site: Site) -> None:
        reader, writer = await site.connect(CHUNKED)
        for _ in range(20):
            writer.write(chunk * 1000)
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 20000\r\n" in answer

    run(test)


def test_trailers_are_no_headers() -> None:
    async def test(site: Site) -> None:
        trailers = b"Origin: http://evil.example\r\nHost: evil.example\r\n\r\n"
        reader, _writer = await site.connect(CHUNKED + b"1\r\n{\r\n0\r\n" + trailers)
        assert (await reader.read(99)).startswith(b"HTTP/1.1 200 OK\r\n")
        assert site.headers == [{b"host": b"localhost", b"transfer-encoding": b"chunked"}]

    run(test)
