"""Requests as they go out, and connections between them: the same whoever carries them."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from busy import quiet_seconds_since
from faulty_http_server import EVERY_WAY, Exchange, FaultyServer, behave, make_kind

from scaffold.client._http import AsyncHttpChannel, HttpChannel
from scaffold.client._http.choose_transport import async_transport, sync_transport
from scaffold.client._http.transport.io_requests import Failure, RequestFailed, SendRequest
from scaffold.client._http.transport.server_address import ServerAddress
from scaffold.contract._errors.errors import ScaffoldError

Call = Callable[..., Any]
KIND = make_kind()


@EVERY_WAY
def test_a_request_goes_where_the_url_says(call: Call) -> None:
    with FaultyServer() as faulty_server:
        url = faulty_server.url.replace("//", "//us%65r:p%40ss@") + "/a b/%2F?q=%20 é&x#part"
        assert call(url, timeout=5) == {"got": {}}
        request = faulty_server.named("tools/call")[0]
        assert request.target == "/mcp/a%20b/%2F?q=%20%20%C3%A9&x"
        assert request.headers["host"] == f"127.0.0.1:{faulty_server.port}"
        assert request.headers["authorization"] == f"Basic {b64encode(b'user:p@ss').decode()}"


@EVERY_WAY
def test_what_the_caller_sends_along_comes_before_our_own(call: Call) -> None:
    with FaultyServer() as faulty_server:
        call(faulty_server.url, timeout=5, headers={"User-Agent": "mine", "X-Trace": "1"})
        for request in faulty_server.requests:
            assert (request.headers["user-agent"], request.headers["x-trace"]) == ("mine", "1")


@pytest.mark.parametrize(
    ("url", "authority", "local"),
    [
        ("http://[::1]:8080/mcp", "[::1]:8080", True),
        ("http://LOCALHOST/mcp", "localhost", True),
        ("http://a.localhost:1", "a.localhost:1", True),
        ("http://127.9.9.9/", "127.9.9.9", True),
        ("https://127.0.0.1/", "127.0.0.1", False),
        ("http://10.0.0.1/", "10.0.0.1", False),
        ("http://localhost.example/", "localhost.example", False),
    ],
)
def test_a_server_on_this_machine_is_told_by_its_address(
    url: str, authority: str, local: bool
) -> None:
    address = ServerAddress(url, {})
    assert (address.authority, address.is_plain_loopback) == (authority, local)


@EVERY_WAY
def test_a_connection_that_speaks_unasked_is_not_used_again(call: Call) -> None:
    def chatter(exchange: Exchange) -> None:
        behave(exchange)
        exchange.send(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")

    with FaultyServer([chatter]) as faulty_server:
        for number in range(3):
            assert call(faulty_server.url, payload={"n": number}, timeout=5) == {
                "got": {"n": number}
            }


@contextmanager
def impatient(answer: bytes) -> Iterator[str]:
    """Answer as soon as a head has come, and read nothing of its body."""
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(200)
            connection.sendall(answer)
            over.wait(5)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        over.set()
        thread.join(5)


LONG = SendRequest("POST", {}, b"x" * 8_000_000, 0.5)
REFUSAL = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\ntoo"


def test_a_refusal_counts_though_the_body_was_not_taken() -> None:
    with impatient(REFUSAL) as url:
        carrier = sync_transport(ServerAddress(url, {}))
        with carrier.send(LONG) as response:
            assert (response.status, response.read()) == (413, b"too")
        carrier.close()


def test_a_refusal_counts_though_the_body_was_not_taken_from_an_event_loop() -> None:
    async def ask(url: str) -> tuple[int, bytes | None]:
        carrier = async_transport(ServerAddress(url, {}))
        async with carrier.send(LONG) as response:
            came = response.status, await response.read()
        await carrier.close()
        return came

    with impatient(REFUSAL) as url:
        assert asyncio.run(ask(url)) == (413, b"too")


def test_a_body_is_sent_on_while_a_response_begins() -> None:
    taken = bytearray()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n")
            while len(taken) < len(LONG.body):
                taken.extend(connection.recv(2**20))
            connection.sendall(b"content-length: 2\r\n\r\nok")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        carrier = sync_transport(ServerAddress(f"http://127.0.0.1:{listener.getsockname()[1]}", {}))
        with carrier.send(SendRequest("POST", {}, LONG.body, 5)) as response:
            assert (response.status, response.read()) == (200, b"ok")
        carrier.close()
        thread.join(5)


def test_a_body_that_nobody_takes_is_sent_until_the_time_is_up() -> None:
    with impatient(b"") as url:
        carrier = sync_transport(ServerAddress(url, {}))
        began = time.monotonic()
        with pytest.raises(RequestFailed) as broken, carrier.send(LONG):
            pass
        assert broken.value.failure is Failure.LATE
        assert quiet_seconds_since(began) < 2
    carrier.close()


def test_connections_that_nobody_needs_any_more_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sync_transport", "async_transport"):
        monkeypatch.setattr(f"scaffold.client._http.http11.{name}.IDLE_TIMEOUT", 0.05)

    def hold(exchange: Exchange) -> None:
        time.sleep(0.1)
        behave(exchange)

    with FaultyServer([hold]) as faulty_server:
        channel = HttpChannel(faulty_server.url, kind=KIND, plugin="faulty", timeout=5)
        act = channel.bind(KIND.hooks["act"])
        crowd = [threading.Thread(target=act, args=({},)) for _ in range(5)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        before = faulty_server.connections
        time.sleep(0.1)
        act({})
        assert faulty_server.connections == before + 1
        channel.close()


def test_a_task_that_is_cancelled_hangs_up_and_others_go_on() -> None:
    gone = threading.Event()

    def wait(exchange: Exchange) -> None:
        exchange.stay_silent()
        gone.set()

    async def give_up(url: str) -> None:
        channel = await AsyncHttpChannel(url, kind=KIND, plugin="faulty", timeout=5).connect()
        act = channel.bind(KIND.hooks["act"])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await act({})
        assert await asyncio.to_thread(gone.wait, 5)
        assert await act({"n": 2}) == {"got": {"n": 2}}
        await channel.aclose()
        with pytest.raises(ScaffoldError, match="the channel is closed"):
            await act({})

    with FaultyServer([wait, behave]) as faulty_server:
        asyncio.run(give_up(faulty_server.url))


def test_closing_ends_the_calls_in_flight_of_an_event_loop() -> None:
    async def close(url: str) -> None:
        channel = await AsyncHttpChannel(url, kind=KIND, plugin="faulty", timeout=5).connect()
        act = channel.bind(KIND.hooks["act"])
        calls = [asyncio.create_task(act({})) for _ in range(3)]
        await asyncio.sleep(0.1)
        await channel.aclose()
        for call in calls:
            with pytest.raises(ScaffoldError, match="the channel is closed"):
                await call

    with FaultyServer([Exchange.stay_silent]) as faulty_server:
        asyncio.run(close(faulty_server.url))


def test_a_connection_that_comes_about_while_the_channel_closes_is_closed_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect = socket.create_connection

    def connect_late(*arguments: Any) -> socket.socket:
        opened = connect(*arguments)
        carrier.close()
        return opened

    with FaultyServer() as faulty_server:
        carrier = sync_transport(ServerAddress(faulty_server.url, {}))
        monkeypatch.setattr(socket, "create_connection", connect_late)
        with (
            pytest.raises(RequestFailed) as broken,
            carrier.send(SendRequest("POST", {}, b"{}", 5)),
        ):
            pass
        assert broken.value.failure is Failure.CLOSED
        assert not faulty_server.requests


def test_a_connection_that_comes_about_while_the_loop_s_channel_closes_is_closed_too() -> None:
    async def race(url: str) -> Failure:
        carrier = async_transport(ServerAddress(url, {}))

        async def ask() -> None:
            async with carrier.send(SendRequest("POST", {}, b"{}", 5)):
                pass

        asking = asyncio.create_task(ask())
        await asyncio.sleep(0)  # it connects
        await carrier.close()
        with pytest.raises(RequestFailed) as broken:
            await asking
        return broken.value.failure

    with FaultyServer() as faulty_server:
        assert asyncio.run(race(faulty_server.url)) is Failure.CLOSED
        assert not faulty_server.requests


LOCAL_ONLY = """
import sys
from scaffold.client._http.transport.server_address import ServerAddress
from scaffold.client._http.choose_transport import sync_transport
sync_transport(ServerAddress("http://127.0.0.1:1/", {})).close()
print({"pyreqwest"} & set(sys.modules))
"""


def test_who_speaks_to_this_machine_only_does_not_import_the_library() -> None:
    command = [sys.executable, "-c", LOCAL_ONLY]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"set()\n"
