"""Forks that a hook leaves behind hold nothing of the server's open."""

import errno
import os
import signal
import socket
import time
from urllib.parse import urlsplit

import pytest
from http_requests import ask, mirror
from serving import PATIENCE, Start, modern

FORK = modern("tools/call", name="demo_fork", arguments={})


def test_a_client_sees_the_end_of_a_pipe_while_a_fork_lives(start: Start) -> None:
    server = start("forking:Forking")
    server.send(FORK)
    _pid, fork = server.receive()["result"]["structuredContent"]["result"]
    server.process.kill()
    assert server.receive() is None
    os.kill(fork, signal.SIGKILL)  # it was there until now


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_is_free_and_connections_end_while_a_fork_lives(start: Start, workers: str) -> None:
    server = start("forking:Forking", "--http", "--port", "0", "--workers", workers)
    url = server.url()
    place = urlsplit(url)
    kept = socket.create_connection((place.hostname, place.port), timeout=PATIENCE)
    _pid, fork = ask(url, FORK, **mirror(FORK)).json["result"]["structuredContent"]["result"]
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait(PATIENCE)
    with kept:
        assert kept.recv(1) == b""
    listen_again(place.hostname, place.port)
    os.kill(fork, signal.SIGKILL)  # it was there until now


def listen_again(host: str | None, port: int | None) -> None:
    """Listen where a killed server did, as soon as its last worker process has ended."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, port))
                return listener.listen()
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                    raise
        time.sleep(0.01)
