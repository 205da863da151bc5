"""A process that is forked from one with a channel has connections and a session of its own."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from faulty_http_server import LEGACY, MODERN, Exchange, FaultyServer, greet_legacy, make_kind

from scaffold.client._http import AsyncHttpChannel, HttpChannel
from scaffold.client._http.transport.server_address import ServerAddress

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")

KIND = make_kind()
Call = Callable[[object], Any]


@contextmanager
def blocking(url: str) -> Iterator[Call]:
    channel = HttpChannel(url, kind=KIND, plugin="faulty", timeout=20)
    bound = channel.bind(KIND.hooks["act"])
    try:
        yield bound
    finally:
        channel.close()


@contextmanager
def awaited(url: str) -> Iterator[Call]:
    """Call from a loop that the process has of its own."""
    runners: dict[int, asyncio.Runner] = {}

    def run(coroutine: Any) -> Any:
        runner = runners.get(os.getpid()) or runners.setdefault(os.getpid(), asyncio.Runner())
        return runner.run(coroutine)

    channel = AsyncHttpChannel(url, kind=KIND, plugin="faulty", timeout=20)
    run(channel.connect())
    bound = channel.bind(KIND.hooks["act"])
    try:
        yield lambda payload: run(_await(bound(payload)))
    finally:
        run(channel.aclose())
        runners[os.getpid()].close()


async def _await(awaitable: Any) -> Any:
    return await awaitable


def in_a_fork(work: Callable[[], bool]) -> bool:
    """Run in a forked process, which ends by SIGALRM if it hangs; tell whether it went well."""
    pid = os.fork()
    if not pid:
        signal.alarm(60)
        status = 1
        try:
            status = 0 if work() else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def says(call: Call, what: str) -> bool:
    return bool(call({"what": what}) == {"got": {"what": what}})


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("library", [False, True], ids=["sockets", "library"])
@pytest.mark.parametrize("open_channel", [blocking, awaited])
def test_a_fork_makes_connections_of_its_own(open_channel: Any, library: bool) -> None:
    own_sockets = mock.patch.object(ServerAddress, "is_plain_loopback", new=not library)
    with FaultyServer(manners=MODERN) as faulty_server, own_sockets:
        with open_channel(faulty_server.url) as call:
            assert says(call, "before")
            connections = faulty_server.connections
            for number in range(3):
                assert in_a_fork(lambda n=number: all(says(call, f"{n}.{k}") for k in range(20)))
                assert says(call, f"between {number}")
            assert faulty_server.connections > connections
        assert len(faulty_server.named("tools/call")) == 1 + 3 * 21


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("open_channel", [blocking, awaited])
def test_a_fork_opens_a_session_of_its_own_and_leaves_that_of_its_parent(open_channel: Any) -> None:
    sessions = iter(range(1, 9))

    def greet(exchange: Exchange) -> None:
        greeting = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {}}
        answer = {"jsonrpc": "2.0", "id": exchange.request.message["id"], "result": greeting}
        exchange.json(answer, mcp_session_id=f"session-{next(sessions)}")

    def used(faulty_server: FaultyServer, name: str) -> list[str]:
        return [request.headers.get("mcp-session-id", "") for request in faulty_server.named(name)]

    assert greet_legacy is LEGACY["initialize"]
    with FaultyServer(manners={**LEGACY, "initialize": greet}) as faulty_server:
        with open_channel(faulty_server.url) as call:
            assert says(call, "before")
            assert in_a_fork(lambda: says(call, "fork") and says(call, "again"))
            assert says(call, "after")
            assert used(faulty_server, "DELETE") == []
            first, second, third, last = used(faulty_server, "tools/call")
            assert (first, last) == ("session-1", "session-1")
            assert (second, third) == ("session-2", "session-2")
        assert used(faulty_server, "DELETE") == ["session-1"]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("open_channel", [blocking, awaited])
def test_a_fork_that_ends_first_or_closes_leaves_the_channel_of_its_parent(
    open_channel: Any,
) -> None:
    with FaultyServer(manners=MODERN) as faulty_server, open_channel(faulty_server.url) as call:
        assert says(call, "before")
        connections = faulty_server.connections
        assert in_a_fork(lambda: True)
        assert says(call, "after")
        assert faulty_server.connections == connections
