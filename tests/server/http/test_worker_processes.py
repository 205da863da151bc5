"""Several processes behind one address: one server to all who call it."""

import http.client
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from http_requests import INITIALIZE, Answer, ask, call
from serving import PATIENCE, Server, Start

WORKERS = ("--http", "--port", "0", "--workers", "2")
FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forks")
pytestmark = [FORKS, pytest.mark.ci]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text() if Path("/proc").exists() else ""
    return " Z " not in state


def pids(ask_one: Callable[[], int]) -> set[int]:
    """Call until both workers have answered; each request has a connection of its own."""
    seen: set[int] = set()

    def both() -> bool:
        seen.add(ask_one())
        return len(seen) == 2

    until(both)
    return seen


def pid(url: str) -> int:
    answered: int = call(url, "demo_pid").json["result"]["structuredContent"]["result"]
    return answered


@pytest.fixture
def server(start: Start) -> Iterator[Server]:
    return start("served:Plain", *WORKERS)


def test_every_worker_answers_and_the_address_is_told_once(server: Server) -> None:
    url = server.url()
    assert server.process.pid not in pids(lambda: pid(url))
    assert server.log.read_text().count("listening on") == 1


def test_a_legacy_session_is_served_by_all_until_it_is_ended(server: Server) -> None:
    url = server.url()
    session = {"mcp_session_id": ask(url, INITIALIZE).headers["mcp-session-id"]}

    def ask_one() -> int:
        params = {"name": "demo_pid", "arguments": {}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        answered: int = ask(url, message, **session).json["result"]["structuredContent"]["result"]
        return answered

    pids(ask_one)
    assert ask(url, None, verb="DELETE", **session).status == 204
    ping = {"jsonrpc": "2.0", "id": 3, "method": "ping"}
    assert {ask(url, ping, **session).status for _ in range(20)} == {404}


def test_a_worker_that_dies_is_replaced_and_the_other_serves_on(server: Server) -> None:
    url = server.url()
    before = pids(lambda: pid(url))
    killed = before.pop()
    os.kill(killed, signal.SIGKILL)
    until(lambda: not is_alive(killed))
    assert {pid(url) for _ in range(5)} == before
    assert killed not in pids(lambda: pid(url))
    assert f"worker {killed} ended with status -9; another starts in" in server.log.read_text()


def test_sigterm_lets_the_calls_of_all_workers_finish(server: Server) -> None:
    url = server.url()
    workers = pids(lambda: pid(url))
    answers: list[Answer] = []
    calls = [
        threading.Thread(target=lambda: answers.append(call(url, "demo_sleep", seconds=0.5)))
        for _ in range(8)
    ]
    for slow in calls:
        slow.start()
    server.noted("asleep")
    time.sleep(0.2)  # until the others sleep too
    server.process.send_signal(signal.SIGTERM)
    for slow in calls:
        slow.join()
    assert [answer.json["result"]["isError"] for answer in answers] == [False] * 8
    assert server.process.wait(PATIENCE) == 0
    assert not any(map(is_alive, workers))
    with pytest.raises(ConnectionError):
        pid(url)
    assert "Traceback" not in server.log.read_text()


def test_a_second_signal_ends_all_at_once(server: Server) -> None:
    url = server.url()
    workers = pids(lambda: pid(url))
    slow = threading.Thread(target=_cut, args=(url,))
    slow.start()
    server.noted("asleep")
    server.process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(PATIENCE) == 128 + signal.SIGINT
    until(lambda: not any(map(is_alive, workers)))
    slow.join()


def _cut(url: str) -> None:
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        call(url, "demo_sleep", seconds=60)


def test_workers_do_not_outlive_their_parent(server: Server) -> None:
    url = server.url()
    workers = pids(lambda: pid(url))
    server.process.kill()
    until(lambda: not any(map(is_alive, workers)))


def test_a_plugin_that_cannot_be_used_is_told_once(start: Start) -> None:
    server = start("served:Unready", *WORKERS)
    assert server.process.wait(PATIENCE) == 5
    lines = [line for line in server.log.read_text().splitlines() if "cannot start" in line]
    assert len(lines) == 1
    assert lines[0].startswith("demo: cannot start: ValueError: no database at all (served.py:")


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Callable[[str], Server]]:
    """Starts servers that take a worker for deaf after a second and a half."""
    started: list[Server] = []

    def _start(entry_point: str) -> Server:
        server = Server(tmp_path, entry_point, *WORKERS, program=("impatient.py",))
        started.append(server)
        return server

    yield _start
    for server in started:
        server.stop()


def test_a_worker_that_never_comes_back_to_its_loop_is_replaced(
    impatient: Callable[[str], Server],
) -> None:
    server = impatient("served:Awaited")
    url = server.url()
    before = pids(lambda: pid(url))
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        call(url, "demo_block", seconds=60)
    (sound,) = before & pids(lambda: pid(url))
    (deaf,) = before - {sound}
    log = server.log.read_text()
    assert f"worker {deaf}: its event loop is blocked for 1.5 s; killing it" in log
    assert "in do_block" in log


def test_a_worker_whose_hook_takes_long_on_a_thread_is_left_alone(
    impatient: Callable[[str], Server],
) -> None:
    server = impatient("served:Plain")
    url = server.url()
    busy: int = call(url, "demo_block", seconds=2.5).json["result"]["structuredContent"]["result"]
    assert busy in pids(lambda: pid(url))
    assert "killed" not in server.log.read_text()


@pytest.mark.parametrize("count", ["0", "65", "many"])
def test_a_number_of_workers_that_makes_no_sense_is_refused(start: Start, count: str) -> None:
    server = start("served:Plain", "--http", MCP_HTTP_WORKERS=count)
    assert server.process.wait(PATIENCE) == 2
    said = f"demo: the number of workers is '{count}'; it must be a number from 1 to 64\n"
    assert server.log.read_text() == said
