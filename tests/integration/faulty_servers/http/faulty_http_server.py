"""An HTTP server that misbehaves on purpose: what it answers to calls is a script over a socket."""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self
from unittest import mock

import pytest

from scaffold.client._http import AsyncHttpChannel, HttpChannel
from scaffold.client._http.transport.server_address import ServerAddress
from scaffold.contract._hooks.hook import Kind

ANYTHING = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}
PAYLOAD = {"empty": False, "object": True, "exact": False, "schema": ANYTHING}


def describe_hook(**traits: object) -> dict[str, object]:
    return {
        "dispatch": "singleton",
        "description": "A hook.",
        "exposed": True,
        "tool": "{hook}",
        "functions": None,
        "content": False,
        "idempotent": False,
        "read_only": False,
        "timeout": None,
        "errors": [],
        "input": PAYLOAD,
        "output": PAYLOAD,
        **traits,
    }


def make_kind(*, ask: float | None = None, act: float | None = None) -> Kind:
    """Return a kind of two hooks, and their timeouts: `ask` may be called twice, `act` may not."""
    hooks = {"ask": describe_hook(read_only=True, timeout=ask), "act": describe_hook(timeout=act)}
    contract = {"kind": "beast", "version": "1.0.0", "digest": "", "hooks": hooks}
    return Kind.from_contract(contract)


@dataclass
class Request:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.body) if self.body else {}
        return message

    @property
    def name(self) -> str:
        """The JSON-RPC method, or else the HTTP method."""
        return str(self.message.get("method", self.method))


@dataclass
class Exchange:
    """One request and the socket to answer it on."""

    request: Request
    socket: socket.socket
    over: threading.Event

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def head(self, status: str = "200 OK", **headers: object) -> None:
        lines = [f"HTTP/1.1 {status}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def reply(self, body: bytes, status: str = "200 OK", **headers: object) -> None:
        self.head(status, **{"content_length": len(body), **headers})
        self.send(body)

    def json(self, value: object, status: str = "200 OK", **headers: object) -> None:
        body = json.dumps(value).encode()
        self.reply(body, status, **{"content_type": "application/json", **headers})

    def answer(self, **members: object) -> None:
        self.json({"jsonrpc": "2.0", "id": self.request.message["id"], **members})

    def result(self, output: object = None) -> dict[str, object]:
        content = {"structuredContent": output or {}, "content": [], "resultType": "complete"}
        return {"jsonrpc": "2.0", "id": self.request.message["id"], "result": content}

    def stay_silent(self) -> None:
        """Neither answer nor hang up until the faulty_server closes or the client goes."""
        self.socket.settimeout(0.05)
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                if not self.socket.recv(1):
                    return

    def flood(self, data: bytes) -> None:
        """Send the same for ever."""
        while not self.over.is_set():
            self.send(data)

    def reset(self) -> None:
        """Break the connection in the rudest way."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.hang_up()

    def hang_up(self) -> None:
        raise ConnectionAbortedError


Script = Callable[[Exchange], None]


def behave(exchange: Exchange) -> None:
    """Answer a call as one should."""
    arguments = exchange.request.message["params"].get("arguments")
    exchange.json(exchange.result({"got": arguments}))


def greet_modern(exchange: Exchange) -> None:
    exchange.answer(result={"supportedVersions": ["2026-07-28"], "resultType": "complete"})


def list_tools(exchange: Exchange) -> None:
    schema = {"type": "object"}
    tools = [{"name": name, "inputSchema": schema} for name in ("plugin_faulty_ask", "act", "ask")]
    exchange.answer(result={"tools": tools, "resultType": "complete"})


def refuse(exchange: Exchange) -> None:
    exchange.reply(b"no such thing", "400 Bad Request", content_type="text/plain")


def greet_legacy(exchange: Exchange) -> None:
    greeting = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "x"}}
    answer = {"jsonrpc": "2.0", "id": exchange.request.message["id"], "result": greeting}
    exchange.json(answer, mcp_session_id="session-1")


def accept(exchange: Exchange) -> None:
    exchange.reply(b"", "202 Accepted")


MODERN: dict[str, Script] = {"server/discover": greet_modern, "tools/list": list_tools}
LEGACY: dict[str, Script] = {
    "server/discover": refuse,
    "initialize": greet_legacy,
    "notifications/initialized": accept,
    "tools/list": list_tools,
    "DELETE": accept,
}


@dataclass
class FaultyServer:
    """A server on loopback. `calls` are played one a call; the last one again and again."""

    calls: list[Script] = field(default_factory=lambda: [behave])
    manners: dict[str, Script] = field(default_factory=lambda: MODERN)
    tls: ssl.SSLContext | None = None
    port: int = 0

    def __post_init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._over = threading.Event()
        self._played = 0
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}/mcp"

    def named(self, name: str) -> list[Request]:
        return [request for request in self.requests if request.name == name]

    def __enter__(self) -> Self:
        self._start(self._listen)
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for open_socket in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _driver = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, contextlib.suppress(OSError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                while (request := self._read(connection)) is not None:
                    self.requests.append(request)
                    self._script(request)(Exchange(request, connection, self._over))

    def _script(self, request: Request) -> Script:
        if request.name in self.manners:
            return self.manners[request.name]
        self._played += 1
        return self.calls[min(self._played, len(self.calls)) - 1]

    def _read(self, connection: socket.socket) -> Request | None:
        connection.settimeout(0.05)
        data = b""
        while True:
            head, end, body = data.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {
                k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])
            }
            if end and len(body) >= int(headers.get("content-length", 0)):
                connection.settimeout(None)
                return Request(*lines[0].split()[:2], headers, body)
            try:
                chunk = connection.recv(65536)
            except TimeoutError:
                if self._over.is_set():
                    return None
                continue
            data += chunk
            if not data[:1].isalpha() or not chunk:
                return None


def call_blocking(url: str, hook: str = "act", payload: object = None, **options: Any) -> Any:
    """Open a channel, call one hook, close the channel."""
    kind = make_kind()
    channel = HttpChannel(url, kind=kind, plugin="faulty", **options)
    try:
        return channel.bind(kind.hooks[hook])(payload or {})
    finally:
        channel.close()


def call_awaited(url: str, hook: str = "act", payload: object = None, **options: Any) -> Any:
    """Do the same from an event loop."""

    async def run() -> Any:
        kind = make_kind()
        channel = await AsyncHttpChannel(url, kind=kind, plugin="faulty", **options).connect()
        try:
            return await channel.bind(kind.hooks[hook])(payload or {})
        finally:
            await channel.aclose()

    return asyncio.run(run())


def by_library(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return what calls as if the server were on another machine."""

    def elsewhere(*args: Any, **options: Any) -> Any:
        with mock.patch.object(ServerAddress, "is_plain_loopback", new=False):
            return call(*args, **options)

    return elsewhere


WAYS = {
    "blocking": call_blocking,
    "awaited": call_awaited,
    "blocking, library": by_library(call_blocking),
    "awaited, library": by_library(call_awaited),
}
EVERY_WAY = pytest.mark.parametrize("call", WAYS.values(), ids=WAYS)
