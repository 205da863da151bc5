"""The end of a server whose hooks, teardown and log handlers are stuck: it comes all the same."""

import json
import signal
import subprocess
import sys
import threading
import time

import pytest
from busy import quiet_seconds_since
from http_requests import ask, mirror
from serving import Server, Start, modern

from scaffold.server._process.shutdown import run_with_timeout

END = 25.0
"""Seconds that the end of a server may take on a busy machine; it gives itself a few."""


def stuck(start: Start, *arguments: str) -> Server:
    """Start a server, and have a hook of it be stuck in a handler of logs."""
    server = start("stuck:Stuck", *arguments)
    call = modern("tools/call", name="demo_log", arguments={})
    if arguments:
        headers = [f"{k.replace('_', '-')}: {v}" for k, v in mirror(call).items()]
        send_only(server.url(), call, headers)
    else:
        server.send(call)
    server.noted("stuck")
    return server


def send_only(url: str, message: object, headers: list[str]) -> None:
    """Send a request over HTTP from another process, and leave the answer to it."""
    code = (
        "import http.client, json, sys; from urllib.parse import urlsplit; "
        "c = http.client.HTTPConnection(urlsplit(sys.argv[1]).netloc); "
        "h = dict(line.split(': ') for line in sys.argv[3:]); "
        "c.request('POST', '/mcp', sys.argv[2].encode(), "
        "{'content-type': 'application/json', 'accept': 'application/json', **h})"
    )
    command = [sys.executable, "-c", code, url, json.dumps(message), *headers]
    subprocess.run(command, check=True)


def test_one_signal_ends_a_server_over_pipes(start: Start) -> None:
    server = stuck(start)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(END) == 0


def test_the_end_of_the_input_ends_it_too(start: Start) -> None:
    server = stuck(start)
    assert server.process.stdin is not None
    server.process.stdin.close()
    assert server.process.wait(END) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_second_signal_ends_a_server_over_http(start: Start, workers: str) -> None:
    server = stuck(start, "--http", "--port", "0", "--workers", workers)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(END) == 128 + signal.SIGTERM


def test_a_client_that_reads_nothing_does_not_keep_a_server(start: Start) -> None:
    server = start("served:Plain")
    assert server.call("demo_greet")["isError"] is False  # it has taken over its signals
    many = [
        modern("tools/call", key, name="demo_greet", arguments={"name": "x" * 100_000})
        for key in range(60)
    ]
    server.send_unread(many)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(END) == 0


INTERRUPTED = """
import threading
from scaffold.server._process.shutdown import Shutdown

start = threading.Thread.start

def interrupted(thread):  # as a signal handler of the plugin that raises
    threading.Thread.start = start
    raise KeyboardInterrupt

shutdown = Shutdown(lambda timeout: None, lambda: print("torn down", flush=True))
threading.Thread.start = interrupted
try:
    shutdown.start_shutdown()
except KeyboardInterrupt:
    print("interrupted", shutdown.started)
shutdown.start_shutdown()
shutdown.start_shutdown()
shutdown.wait()
"""


def test_a_shutdown_whose_start_is_interrupted_starts_at_the_next_call() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], check=True, capture_output=True, text=True, timeout=END
    )
    assert ended.stdout.split() == ["interrupted", "True", "torn", "down"]


def test_work_that_takes_too_long_is_left_behind() -> None:
    release = threading.Event()
    began = time.monotonic()
    assert run_with_timeout(60, lambda: None)
    assert not run_with_timeout(0.01, release.wait)
    release.set()
    assert quiet_seconds_since(began) < 30


@pytest.mark.parametrize("transport", [(), ("--http", "--port", "0")])
def test_a_fork_of_a_hook_can_come_and_go(start: Start, transport: tuple[str, ...]) -> None:
    server = start("private:Private", *transport)
    call = modern("tools/call", name="demo_look", arguments={})
    if transport:
        answer = ask(server.url(), call, **mirror(call)).json
    else:
        server.send(call)
        answer = server.receive()
    assert answer["result"]["isError"] is False
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(END) == 0
