"""The ASGI application: MCP at `/mcp`, a health check at `/health`, 404 everywhere else.

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
from scaffold.server._http.fast_requests import HttpTemplates
from scaffold.server._http.http_errors import HttpError, status_of
from scaffold.server._http.http_exchange import (
    BodyBudget,
    HttpExchange,
    Receive,
    Scope,
    Send,
    read_headers,
    respond_to_call,
)
from scaffold.server._http.request_checks import (
    OriginPolicy,
    check_accept,
    check_body,
    check_mirrored_headers,
    check_token,
    cors_headers,
    is_preflight,
    preflight_headers,
)
from scaffold.server._http.session_tokens import SessionTokens
from scaffold.server._options import Options
from scaffold.server._protocol.call_runner import CallRunner
from scaffold.server._protocol.calls import Call, Headers, Session
from scaffold.server._protocol.service import Service
from scaffold.server._protocol.tool_calls import ToolCall

PATH: Final = "/mcp"
_HEALTH: Final = "/health"
_ALLOWED_METHODS: Final = "POST, DELETE, OPTIONS"
_MAX_LONG_BODIES: Final = 8
"""How many messages of maximum length the server holds at the same time."""


class App:
    """One plugin behind HTTP."""

    def __init__(
        self, service: Service, options: Options, runner: CallRunner, sessions: SessionTokens
    ) -> None:
        self._service = service
        self._max_message_bytes = options.max_message_bytes
        self._body_budget = BodyBudget(_MAX_LONG_BODIES * options.max_message_bytes)
        self._runner = runner
        self._origin_policy = OriginPolicy((options.host.lower(), *options.allowed_hosts))
        self._token = options.token
        self._sessions = sessions
        self._running: dict[str, dict[RequestId, Call]] = {}
        """Session id → request id → call in flight, for legacy sessions."""
        self.templates = HttpTemplates(checks_token=bool(options.token))
        """The templates of calls that passed all checks; the fast path uses them."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["type"] != "http":
            return
        exchange = HttpExchange(receive, send, self._body_budget)
        try:
            await self._route(scope, read_headers(scope), exchange)
        except JsonRpcError as error:
            await exchange.respond_error(HttpError.from_wire_error(error))
        except HttpError as refusal:
            await exchange.respond_error(refusal)
        finally:
            exchange.release()

    async def _route(self, scope: Scope, headers: Headers, exchange: HttpExchange) -> None:
        path, method = scope["path"], scope["method"]
        if path == _HEALTH and "origin" not in headers:
            # Orchestrators use any host name, and the response contains no secret.
            await _respond_health(method, exchange)
            return
        if self._origin_policy.check(headers):
            if is_preflight(method, headers):
                await exchange.respond(204, b"", headers=preflight_headers(headers))
                return
            exchange.cors_headers = cors_headers(headers["origin"])
        if path == _HEALTH:
            await _respond_health(method, exchange)
        elif method == "OPTIONS" and path in (PATH, "*"):
            await exchange.respond(204, b"", headers=((b"allow", _ALLOWED_METHODS.encode()),))
        elif path != PATH:
            raise HttpError(404, f"not found; the MCP endpoint is {PATH}")
        elif method not in ("POST", "DELETE"):
            raise HttpError(405, f"method {method} is not allowed", allow=_ALLOWED_METHODS)
        else:
            check_token(headers, self._token)
            await self._handle_mcp(scope, headers, exchange)

    async def _handle_mcp(self, scope: Scope, headers: Headers, exchange: HttpExchange) -> None:
        if scope["method"] == "POST":
            await self._handle_post(scope, headers, exchange)
            return
        name = headers.get("mcp-session-id", "")
        self._sessions.close(headers.get("mcp-session-id"))
        for call in list(self._running.get(name, {}).values()):
            self._runner.cancel(call)
        await exchange.respond(204, b"")

    async def _handle_post(self, scope: Scope, headers: Headers, exchange: HttpExchange) -> None:
        check_body(headers)
        streams = check_accept(headers)
        body = await exchange.read_body(headers, self._max_message_bytes)
        message = read_message(body)
        if message.id is not UNSET:
            exchange.id = message.id
        if check_mirrored_headers(headers, message):
            handled = self._service.handle(message, Session(), headers)
            await self._respond(handled, exchange, streams=streams, modern=True)
            # The fast path writes no CORS headers, so requests of pages get no template.
            if isinstance(handled, ToolCall) and handled.is_fast and not exchange.cors_headers:
                self.templates.remember(scope["headers"], body, handled)
        elif message.method == "initialize":
            await self._initialize(message, exchange)
        else:
            await self._handle_legacy(message, headers, exchange, streams=streams)

    async def _initialize(self, message: Message, exchange: HttpExchange) -> None:
        session = Session()
        try:
            handled = self._service.handle(message, session)
        except JsonRpcError as error:
            await exchange.respond(200, write_error_response(error, exchange.id))
        else:
            headers = ((b"mcp-session-id", self._sessions.open(session).encode()),)
            await self._respond(handled, exchange, headers=headers)

    async def _handle_legacy(
        self, message: Message, headers: Headers, exchange: HttpExchange, *, streams: bool
    ) -> None:
        """Handle a message of a legacy session. Protocol errors have the status 200."""
        name = headers.get("mcp-session-id", "")
        session = self._sessions.find(headers.get("mcp-session-id"))
        if message.method == "notifications/cancelled" and message.params is not UNSET:
            call = self._running.get(name, {}).get(message.params.request_id or "")
            if call is not None:
                self._runner.cancel(call)
        try:
            handled = self._service.handle(message, session)
        except JsonRpcError as error:
            await exchange.respond(200, write_error_response(error, exchange.id))
            return
        if not isinstance(handled, Call):
            await self._respond(handled, exchange, streams=streams)
            return
        running = self._running.setdefault(name, {})
        running[handled.id] = handled
        try:
            await self._respond(handled, exchange, streams=streams)
        finally:
            running.pop(handled.id, None)
            if not running:
                self._running.pop(name, None)

    async def _respond(
        self,
        handled: bytes | Call | None,
        exchange: HttpExchange,
        *,
        streams: bool = False,
        modern: bool = False,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        if handled is None:
            await exchange.respond(202, b"")
        elif isinstance(handled, bytes):
            await exchange.respond(200, handled, headers=headers)
        elif (response := self._runner.run_if_fast(handled)) is not None:
            await exchange.respond(status_of(handled.error) if modern else 200, response)
        else:
            await respond_to_call(handled, exchange, self._runner, streams=streams, modern=modern)


async def _respond_health(method: str, exchange: HttpExchange) -> None:
    if method not in ("GET", "HEAD"):
        raise HttpError(405, f"method {method} is not allowed", allow="GET, HEAD")
    await exchange.respond(200, b'{"status":"ok"}', headers=((b"cache-control", b"no-store"),))
