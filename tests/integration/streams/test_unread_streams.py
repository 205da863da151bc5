"""Clients that open streams and read nothing, and what that must not do to others."""

import json
import os
import resource
import select
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.ci

HERE = Path(__file__).parent
PATIENCE = 60.0
"""Seconds after which a test has failed, on a busy machine too."""
WINDOW = 262_144
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


def call(hook, arguments, id=1, **meta):
    params = {"name": f"log_reader_demo_{hook}", "arguments": arguments, "_meta": {**META, **meta}}
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}


def tail(path, id=1, lines=100_000):
    meta = {"progressToken": id, "hookspec.scaffold/stream": WINDOW}
    return call("tail", {"path": path, "lines": lines}, id, **meta)


class HttpServer:
    """A server whose clients are plain sockets."""

    def __init__(self, url):
        self.place = urlsplit(url)

    def send(self, message):
        """Send a request over a connection of its own, and return the connection unread."""
        body = json.dumps(message).encode()
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
            f"Mcp-Method: tools/call\r\nMcp-Name: {message['params']['name']}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        sender = socket.create_connection((self.place.hostname, self.place.port), PATIENCE)
        sender.sendall(head.encode() + body)
        return sender

    def count(self):
        """Call a plain hook, and return its answer."""
        with self.send(call("count", {"payload": "four"})) as sender, sender.makefile("rb") as file:
            return json.loads(file.read().partition(b"\r\n\r\n")[2])["result"]["structuredContent"]


@contextmanager
def command(plugin, *arguments, **environment):
    """Start a server, and yield its process."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "scaffold.server",
            f"streaming_plugins:{plugin}",
            "--name",
            "demo",
            *arguments,
        ],
        cwd=HERE,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(params=["Plain", "Awaited"])
def plugin(request):
    return request.param


@pytest.fixture
def http(folder):
    with ExitStack() as stack:

        def start(plugin, **environment):
            process = stack.enter_context(command(plugin, "--http", "--port", "0", **environment))
            said = process.stderr.readline().decode()
            assert said.startswith("listening on "), said
            return HttpServer(said.split()[-1])

        yield start


def held_up(server, count, stack, path="endless"):
    """Open streams of which nobody reads a byte."""
    for number in range(count):
        stack.enter_context(server.send(tail(path, number + 1)))


def test_plain_hooks_answer_while_more_streams_than_threads_are_not_read(http, plugin):
    server = http(plugin)
    with ExitStack() as stack:
        held_up(server, 80, stack)
        assert [server.count() for _ in range(3)] == [4, 4, 4]


def test_plain_hooks_answer_while_generators_wait_for_something_else(http):
    server = http("Plain")
    with ExitStack() as stack:
        held_up(server, 80, stack, path="slow")
        assert [server.count() for _ in range(3)] == [4, 4, 4]


@pytest.mark.slow
def test_plain_hooks_answer_while_a_thousand_streams_are_not_read(http, plugin):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(1000, hard - 100 if hard > 0 else 1000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    server = http(plugin)
    with ExitStack() as stack:
        held_up(server, count, stack)
        assert [server.count() for _ in range(3)] == [4, 4, 4]


def test_a_stream_goes_on_where_it_was_held_up(http, plugin):
    server = http(plugin)
    with server.send(tail("big", lines=40)) as sender:
        assert server.count() == 4
        with sender.makefile("rb") as file:
            events = [line for line in file if line.startswith(b"data: ")]
    numbers = [json.loads(event[6:])["params"]["_meta"] for event in events[:-1]]
    assert [meta["hookspec.scaffold/item"]["number"] for meta in numbers] == list(range(1, 41))
    assert json.loads(events[-1][6:])["result"]["_meta"]["hookspec.scaffold/items"] == 40


def test_a_stream_of_which_nothing_is_read_ends_in_time_over_http(http, plugin, notes):
    server = http(plugin, MCP_STREAM_TIMEOUT_SEC="1")
    with server.send(tail("endless")):
        wait_for(notes / "closed")
        assert server.count() == 4


def test_a_stream_that_is_read_lasts_longer_than_the_time_without_progress(http):
    server = http("Plain", MCP_STREAM_TIMEOUT_SEC="1")
    with server.send(tail("big", lines=60)) as sender:
        read = b""
        while chunk := sender.recv(500_000):
            read += chunk
            time.sleep(0.15)  # in all much longer than a second
    assert b'"hookspec.scaffold/items":60' in read


def wait_for(note):
    end = time.monotonic() + PATIENCE
    while not note.exists():
        assert time.monotonic() < end, f"the plugin has not noted '{note.name}'"
        time.sleep(0.01)


class Pipe:
    """A client on a pipe that reads all that comes, and acknowledges nothing of it."""

    def __init__(self, process):
        self.process = process
        self.rest = b""

    def send(self, *messages):
        lines = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
        self.process.stdin.write(lines)
        self.process.stdin.flush()

    def response(self, id):
        """Read until a request is answered."""
        end = time.monotonic() + PATIENCE
        while True:
            while b"\n" in self.rest:
                line, self.rest = self.rest.split(b"\n", 1)
                message = json.loads(line)
                if message.get("id") == id:
                    return message
            ready, _, _ = select.select([self.process.stdout], [], [], end - time.monotonic())
            assert ready, f"no answer to {id}"
            self.rest += os.read(self.process.stdout.fileno(), 1 << 20)


def test_streams_of_a_pipe_that_are_not_read_stop_no_other_call(plugin, folder):
    with command(plugin) as process:
        pipe = Pipe(process)
        pipe.send(*[tail("endless", key) for key in range(1, 101)])
        pipe.send(call("count", {"payload": "four"}, 1000))
        assert pipe.response(1000)["result"]["structuredContent"] == 4


def test_a_stream_of_a_pipe_that_is_not_read_ends_in_time(plugin, notes):
    with command(plugin, MCP_STREAM_TIMEOUT_SEC="1") as process:
        pipe = Pipe(process)
        pipe.send(tail("endless", 1))
        ended = pipe.response(1)["result"]
        assert ended["isError"]
        assert "stream_stalled: tail: the client has read nothing for 1 s" in str(ended["content"])
        wait_for(notes / "closed")
        pipe.send(call("count", {"payload": "four"}, 2))
        assert pipe.response(2)["result"]["structuredContent"] == 4


def test_a_client_cannot_have_a_server_run_ahead_as_far_as_it_likes(folder, notes):
    with command("Plain") as process:
        pipe = Pipe(process)
        wide = tail("endless", 1)
        wide["params"]["_meta"]["hookspec.scaffold/stream"] = 1 << 60
        pipe.send(wide, call("count", {"payload": "four"}, 2))
        assert pipe.response(2)["result"]["structuredContent"] == 4
        time.sleep(0.5)
        made = {int(note.name.removeprefix("made-")) for note in notes.glob("made-*")}
        assert max(made, default=0) < 20  # a MiB is 6,000 of these items


def test_streams_of_one_pipe_are_bounded(plugin, folder):
    with command(plugin) as process:
        pipe = Pipe(process)
        pipe.send(*[tail("slow", key) for key in range(1, 258)])
        refused = pipe.response(257)
        assert (
            refused["error"]["message"]
            == "this connection already has 256 open streams, the maximum"
        )
