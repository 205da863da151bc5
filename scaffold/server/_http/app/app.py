"""The ASGI application: `/mcp` speaks MCP, `/health` says that it does, nothing else is there.

Source: MCP 2026-07-28, Streamable HTTP; MCP 2025-11-25, Transports.
"""

from typing import Final

from msgspec import UNSET

from scaffold._mcp.jsonrpc import (
    JsonRpcError,
    Message,
    RequestId,
    read_message,
    write_error_response,
)
from scaffold.server._http.app.call_response import reply
from scaffold.server._http.app.call_templates import Known, likeness
from scaffold.server._http.app.cors import is_preflight, permissions, shared_with
from scaffold.server._http.app.http_request import (
    Exchange,
    Receive,
    Room,
    Scope,
    Send,
    read_headers,
)
from scaffold.server._http.app.request_checks import (
    check_accept,
    check_body,
    check_mirror,
    check_token,
)
from scaffold.server._http.app.session_tokens import Sessions
from scaffold.server._http.edge.hosts_and_origins import Places
from scaffold.server._http.edge.http_errors import Refusal, status_of
from scaffold.server._options import Options
from scaffold.server._protocol.call_runner import Tasks
from scaffold.server._protocol.request_context import Headers, Session
from scaffold.server._protocol.service import Service
from scaffold.server._protocol.tool_calls import Call, ToolCall

__all__ = ["PATH", "App"]

PATH: Final = "/mcp"
_HEALTH: Final = "/health"
_ALLOWED: Final = "POST, DELETE, OPTIONS"
_LONGEST_AT_ONCE: Final = 8
"""Messages as long as any may be for which there is room at a time."""


class App:
    """One plugin behind HTTP."""

    def __init__(
        self, service: Service, options: Options, tasks: Tasks, sessions: Sessions
    ) -> None:
        self._service = service
        self._largest = options.largest
        self._room = Room(_LONGEST_AT_ONCE * options.largest)
        self._tasks = tasks
        self._places = Places((options.host.lower(), *options.allowed_hosts))
        self._token = options.token
        self._sessions = sessions
        self._running: dict[str, dict[RequestId, Call]] = {}
        """The calls of legacy sessions that are under way, by the id of the session."""
        self.known = Known()
        """The calls that need not be looked at in full any more."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["type"] != "http":
            return
        exchange = Exchange(receive, send, self._room)
        try:
            await self._route(scope, read_headers(scope), exchange)
        except JsonRpcError as error:
            await exchange.refuse(Refusal.of(error))
        except Refusal as refusal:
            await exchange.refuse(refusal)
        finally:
            exchange.leave()

    async def _route(self, scope: Scope, headers: Headers, exchange: Exchange) -> None:
        path, method = scope["path"], scope["method"]
        if path == _HEALTH and "origin" not in headers:
            # An orchestrator asks by any name, and what it learns is not a secret.
            await _answer_health(method, exchange)
            return
        if self._places.check(headers):
            if is_preflight(method, headers):
                await exchange.answer(204, b"", headers=permissions(headers))
                return
            exchange.shared = shared_with(headers["origin"])
        if path == _HEALTH:
            await _answer_health(method, exchange)
        elif method == "OPTIONS" and path in (PATH, "*"):
            await exchange.answer(204, b"", headers=((b"allow", _ALLOWED.encode()),))
        elif path != PATH:
            raise Refusal(404, f"there is nothing here; MCP is at {PATH}")
        elif method not in ("POST", "DELETE"):
            raise Refusal(405, f"{method} is not served", allow=_ALLOWED)
        else:
            check_token(headers, self._token)
            await self._serve(scope, headers, exchange)

    async def _serve(self, scope: Scope, headers: Headers, exchange: Exchange) -> None:
        if scope["method"] == "POST":
            await self._post(scope, headers, exchange)
            return
        name = headers.get("mcp-session-id", "")
        self._sessions.close(headers.get("mcp-session-id"))
        for call in list(self._running.get(name, {}).values()):
            self._tasks.cancel(call)
        await exchange.answer(204, b"")

    async def _post(self, scope: Scope, headers: Headers, exchange: Exchange) -> None:
        check_body(headers)
        streams = check_accept(headers)
        body = await exchange.body(headers, self._largest)
        message = read_message(body)
        if message.id is not UNSET:
            exchange.id = message.id
        if check_mirror(headers, message):
            answer = self._service.answer(message, Session(), headers)
            await self._respond(answer, exchange, streams=streams, modern=True)
            # The headers of an answer that a page may read are written by `Exchange` alone.
            if isinstance(answer, ToolCall) and answer.is_quick and not exchange.shared:
                self.known.learn(likeness(scope["headers"]), body, answer)
        elif message.method == "initialize":
            await self._initialize(message, exchange)
        else:
            await self._legacy(message, headers, exchange, streams=streams)

    async def _initialize(self, message: Message, exchange: Exchange) -> None:
        session = Session()
        try:
            answer = self._service.answer(message, session)
        except JsonRpcError as error:
            await exchange.answer(200, write_error_response(error, exchange.id))
        else:
            headers = ((b"mcp-session-id", self._sessions.open(session).encode()),)
            await self._respond(answer, exchange, headers=headers)

    async def _legacy(
        self, message: Message, headers: Headers, exchange: Exchange, *, streams: bool
    ) -> None:
        """Serve a message of a session. Errors of the protocol are responses like all others."""
        name = headers.get("mcp-session-id", "")
        session = self._sessions.find(headers.get("mcp-session-id"))
        if message.method == "notifications/cancelled" and message.params is not UNSET:
            call = self._running.get(name, {}).get(message.params.request_id or "")
            if call is not None:
                self._tasks.cancel(call)
        try:
            answer = self._service.answer(message, session)
        except JsonRpcError as error:
            await exchange.answer(200, write_error_response(error, exchange.id))
            return
        if not isinstance(answer, Call):
            await self._respond(answer, exchange, streams=streams)
            return
        running = self._running.setdefault(name, {})
        running[answer.id] = answer
        try:
            await self._respond(answer, exchange, streams=streams)
        finally:
            running.pop(answer.id, None)
            if not running:
                self._running.pop(name, None)

    async def _respond(
        self,
        answer: bytes | Call | None,
        exchange: Exchange,
        *,
        streams: bool = False,
        modern: bool = False,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        if answer is None:
            await exchange.answer(202, b"")
        elif isinstance(answer, bytes):
            await exchange.answer(200, answer, headers=headers)
        elif (response := self._tasks.finish_quick(answer)) is not None:
            await exchange.answer(status_of(answer.error) if modern else 200, response)
        else:
            await reply(answer, exchange, self._tasks, streams=streams, modern=modern)


async def _answer_health(method: str, exchange: Exchange) -> None:
    if method not in ("GET", "HEAD"):
        raise Refusal(405, f"{method} is not served here", allow="GET, HEAD")
    await exchange.answer(200, b'{"status":"ok"}', headers=((b"cache-control", b"no-store"),))
