"""Whatever a client sends, the servers answer the next request, and lose nothing."""

import asyncio
import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fuzzed_plugin import Fuzzed
from mutations import META, generator, pieces, request, spoilt

from scaffold.server._hosted_plugin import HostedPlugin
from scaffold.server._http.app import App
from scaffold.server._http.session_tokens import SessionTokens
from scaffold.server._options import Options
from scaffold.server._protocol.call_runner import CallRunner
from scaffold.server._protocol.calls import Call
from scaffold.server._protocol.service import Service
from scaffold.server._stdio.session import StdioSession

pytestmark = pytest.mark.ci

SERVE = [sys.executable, "-m", "scaffold.server", "fuzzed_plugin:Fuzzed", "--name", "fuzz"]


def times(few, many):
    return pytest.mark.parametrize("count", [few, pytest.param(many, marks=pytest.mark.slow)])


class RecordingWriter:
    """Keeps what a session writes."""

    def __init__(self):
        self.lines = []

    def enqueue(self, line):
        self.lines.append(line)


@times(2000, 750_000)
def test_lines_to_a_conversation_are_answered_once_or_never(count):
    chance = generator(11)
    writer = RecordingWriter()
    service = Service(HostedPlugin(Fuzzed(), "fuzz"), Options())
    session = StdioSession(service, writer, 1 << 20, lambda call: None)
    for number in range(1, count + 1):
        line = spoilt(chance, request(chance, number)).replace(b"\n", b"")
        call = session.match_template(line) or session.handle_line(line)
        if isinstance(call, Call):
            session.respond(call, b'{"jsonrpc":"2.0","id":%d,"result":{}}' % number)
        assert len(writer.lines) <= 1
        assert all(json.loads(line)["jsonrpc"] == "2.0" for line in writer.lines)
        writer.lines.clear()
        assert session.running == {}


HEADERS = [
    *((b"content-type", b"application/json"), (b"content-type", b"text/plain")),
    *((b"accept", b"application/json, text/event-stream"), (b"accept", b"\xff")),
    *((b"host", b"127.0.0.1"), (b"host", b"evil.example"), (b"origin", b"null")),
    *((b"mcp-protocol-version", b"2026-07-28"), (b"mcp-protocol-version", b"2025-11-25")),
    *((b"mcp-method", b"tools/call"), (b"mcp-name", b"fuzz_greet"), (b"mcp-name", b"=?base64?x?=")),
    *((b"mcp-session-id", b"x" * 300), (b"content-length", b"5"), (b"\xff", b"\0")),
]


async def _ask(app, chance, headers, body):
    """Send one request to the application; return the statuses that it answered with."""
    chunks = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces(chance, body)
    ]
    chunks.append({"type": "http.request", "body": b"", "more_body": False})
    statuses = []

    async def receive():
        if chunks:
            return chunks.pop(0)
        await asyncio.sleep(3600)
        return None

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "method": chance.choice(["POST"] * 8 + ["GET", "DELETE", "OPTIONS"]),
        "path": chance.choice(["/mcp"] * 8 + ["/", "/health"]),
        "headers": headers,
        "query_string": b"",
    }
    await asyncio.create_task(app(scope, receive, send))  # a task each, as uvicorn has it
    return statuses


@times(1000, 250_000)
def test_requests_to_the_application_have_one_answer_each(count):
    chance = generator(12)

    async def run():
        service = Service(HostedPlugin(Fuzzed(), "fuzz"), Options())
        runner = CallRunner()
        app = App(service, Options(), runner, SessionTokens())
        good = [HEADERS[0], HEADERS[2], HEADERS[4], HEADERS[7]]
        for number in range(count):
            message = request(chance, number)
            method = message["method"].encode()
            headers = [*good, (b"mcp-method", method)]
            if method == b"tools/call":
                headers.append((b"mcp-name", message["params"]["name"].encode()))
            if chance.random() < 0.3:
                headers = [*headers, *chance.sample(HEADERS, 3)]
            if chance.random() < 0.3:
                headers = chance.sample(headers, len(headers) - 1)
            statuses = await _ask(app, chance, headers, spoilt(chance, message))
            assert len(statuses) == 1
            assert 200 <= statuses[0] < 500
        assert app._running == {}
        for _ in range(10):  # the last one may be about to end
            await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def _greeting(number):
    params = {"name": "fuzz_greet", "arguments": {"name": "you"}, "_meta": META}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def _environment():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}


@times(500, 20_000)
def test_a_server_on_pipes_survives_lines_of_all_kinds(count, tmp_path):
    chance = generator(13)
    log = tmp_path / "log"
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            SERVE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=_environment(),
        ) as process,
    ):
        for first in range(0, count, 100):
            lines = [spoilt(chance, request(chance, first + n)) for n in range(100)]
            process.stdin.write(b"\n".join(line.replace(b"\n", b"") for line in lines) + b"\n")
            mark = f"mark {first}"
            process.stdin.write(json.dumps({**_greeting(0), "id": mark}).encode() + b"\n")
            process.stdin.flush()
            answers = (json.loads(line) for line in iter(process.stdout.readline, b""))
            answered = next(answer for answer in answers if answer.get("id") == mark)
            assert answered["result"]["structuredContent"] == {"result": "hello you"}
        process.stdin.close()
        assert process.wait(20) == 0
    assert "Traceback" not in log.read_text()


@contextlib.contextmanager
def http_server(log):
    """Serve, with stderr in a file: a pipe that nothing reads would stop the server."""
    command = [*SERVE, "--http", "--port", "0"]
    with (
        log.open("wb") as stderr,
        subprocess.Popen(command, stderr=stderr, env=_environment()) as process,
    ):
        try:
            while not (found := re.search(r"listening.*:(\d+)/", log.read_text())):
                assert process.poll() is None
                time.sleep(0.01)
            yield int(found[1]), process
        finally:
            process.terminate()


HEAD = (
    b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    b"accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n"
)
HEAD_BYTES = (b"\r\n", b"\n", b"\0", b"\xff", b":", b"x" * 5000, b"content-length: -1\r\n")


@times(100, 5000)
def test_a_server_on_sockets_survives_bytes_of_all_kinds(count, tmp_path):
    chance = generator(14)
    log = tmp_path / "log"
    with http_server(log) as (port, process):
        for number in range(count):
            body = spoilt(chance, request(chance, number))
            data = HEAD + b"content-length: %d\r\n\r\n%b" % (len(body), body)
            if chance.random() < 0.5:
                at = chance.randrange(len(data))
                data = data[:at] + chance.choice(HEAD_BYTES) + data[at:]
            with socket.create_connection(("127.0.0.1", port), 20) as connection:
                with contextlib.suppress(OSError):
                    for piece in pieces(chance, data):
                        connection.sendall(piece)
                if chance.random() < 0.8:
                    with contextlib.suppress(OSError):  # the server may have closed it
                        connection.shutdown(socket.SHUT_WR)
                        connection.recv(4096)
            if number % 20 == 0:
                _check_health(port)
        _check_health(port)
        assert process.poll() is None
    assert "Traceback" not in log.read_text()


def _check_health(port):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "fuzz_greet",
    }
    client.request("POST", "/mcp", json.dumps(_greeting(1)), headers)
    answered = json.loads(client.getresponse().read())
    client.close()
    assert answered["result"]["structuredContent"] == {"result": "hello you"}
