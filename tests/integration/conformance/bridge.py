"""HTTP in front of a server on pipes: `bridge.py MODULE`, for a suite that speaks HTTP only.

Bodies pass through untouched. What HTTP adds to the protocol (sessions, headers, statuses) is added
here; everything else comes from the process. A legacy session has a process of its own, as on pipes
it would; a modern request has one to itself while it runs.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from socket import create_server
from typing import TypeAlias

import uvicorn
from msgspec import UNSET

from scaffold._mcp.jsonrpc import JsonRpcError, Message, RequestId, read_message
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold.server._http.http_errors import HttpError, status_of
from scaffold.server._http.http_exchange import (
    BodyBudget,
    HttpExchange,
    Receive,
    Scope,
    Send,
    read_headers,
)
from scaffold.server._http.request_checks import check_mirrored_headers
from scaffold.server._http.session_tokens import SessionTokens
from scaffold.server._protocol.calls import Headers, Session

Heard: TypeAlias = tuple[bytes, Message]


class Child:
    """One process, and who waits for which answer."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.waiting: dict[RequestId, tuple[RequestId | None, asyncio.Queue[Heard]]] = {}
        self.reading = asyncio.ensure_future(self._read())

    @classmethod
    async def start(cls, module: str) -> "Child":
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", module, "--stdio")
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe))

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            message = read_message(line)
            if message.id is UNSET and message.params is not UNSET:
                key = next(k for k, (t, _) in self.waiting.items() if t == _token(message))
            else:
                key = message.id if message.id in self.waiting else next(iter(self.waiting))
            self.waiting[key][1].put_nowait((line.strip(), message))

    async def tell(self, body: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(body.replace(b"\n", b" ") + b"\n")
        await self.process.stdin.drain()

    async def ask(self, body: bytes, message: Message) -> AsyncIterator[Heard]:
        """Yield what comes back for a request, the response last."""
        answers: asyncio.Queue[Heard] = asyncio.Queue()
        assert isinstance(message.id, int | str)
        self.waiting[message.id] = (_token(message), answers)
        try:
            await self.tell(body)
            while True:
                line, answer = await answers.get()
                yield line, answer
                if answer.method is UNSET:
                    return
        finally:
            del self.waiting[message.id]


def _token(message: Message) -> RequestId | None:
    params = message.params
    if params is UNSET:
        return None
    if params.progress_token is not None:
        return params.progress_token
    return None if params.meta is UNSET else params.meta.progress_token


def _status(answer: Message) -> int:
    if answer.error is UNSET:
        return 200
    code = json.loads(bytes(answer.error))["code"]
    return 400 if code == ErrorCode.INVALID_PARAMS else status_of(JsonRpcError(code, ""))


class Bridge:
    def __init__(self, module: str) -> None:
        self.module = module
        self.sessions = SessionTokens()
        self.children: dict[str, Child] = {}
        self.idle: list[Child] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = HttpExchange(receive, send, BodyBudget(1 << 30))
        headers = read_headers(scope)
        try:
            await self.route(scope["method"], headers, exchange)
        except JsonRpcError as error:
            await exchange.respond_error(HttpError.from_wire_error(error))
        except HttpError as refusal:
            await exchange.respond_error(refusal)

    async def route(self, method: str, headers: Headers, exchange: HttpExchange) -> None:
        if method == "POST":
            await self.post(headers, exchange)
        elif method == "DELETE":
            self.sessions.close(headers.get("mcp-session-id"))
            self.children.pop(headers["mcp-session-id"]).process.terminate()
            await exchange.respond(204, b"")
        else:
            raise HttpError(405, "not served", allow="POST, DELETE")

    async def post(self, headers: Headers, exchange: HttpExchange) -> None:
        body = await exchange.read_body(headers, 1 << 26)
        message = read_message(body)
        exchange.id = None if message.id is UNSET else message.id
        if check_mirrored_headers(headers, message):
            child = self.idle.pop() if self.idle else await Child.start(self.module)
            await self.relay(child, body, message, exchange, modern=True)
            self.idle.append(child)
        elif message.method == "initialize":
            child = await Child.start(self.module)
            name = self.sessions.open(Session("any"))
            self.children[name] = child
            made = ((b"mcp-session-id", name.encode()),)
            await self.relay(child, body, message, exchange, headers=made)
        else:
            self.sessions.find(headers.get("mcp-session-id"))
            await self.relay(self.children[headers["mcp-session-id"]], body, message, exchange)

    async def relay(
        self,
        child: Child,
        body: bytes,
        message: Message,
        exchange: HttpExchange,
        *,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        modern: bool = False,
    ) -> None:
        if message.id is UNSET or message.method is UNSET:
            await child.tell(body)
            await exchange.respond(202, b"")
            return
        streaming = False
        async for line, answer in child.ask(body, message):
            last = answer.method is UNSET
            if last and not streaming:
                status = _status(answer) if modern else 200
                await exchange.respond(status, line, headers=headers)
                return
            if not streaming:
                streaming = True
                await exchange.open_stream()
            await exchange.send_events((line,), last=last)


def main() -> None:
    listener = create_server(("127.0.0.1", 0))
    sys.stderr.write(f"listening on http://127.0.0.1:{listener.getsockname()[1]}/mcp\n")
    sys.stderr.flush()
    config = uvicorn.Config(Bridge(sys.argv[1]), log_level="error", lifespan="off", ws="none")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
