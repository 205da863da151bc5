"""The server's half of MCP, without I/O: a message in, a response or a call out.

One stream can carry both eras. A request whose `_meta` names a version is modern and independent.
Every other request belongs to a session that `initialize` has opened.
Source: MCP 2026-07-28, Versioning; Base Protocol; Tools. MCP 2025-11-25, Lifecycle.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from msgspec import UNSET

from scaffold._mcp.jsonrpc import JsonRpcError, Message, Params, RequestMeta, encode, write_response
from scaffold._mcp.protocol_versions import MODERN, SUPPORTED, ErrorCode, negotiate_version
from scaffold._mcp.tool_results import ResultPrefix
from scaffold.contract._context.telemetry import trace_fields
from scaffold.contract._hooks.plugin import Plugin
from scaffold.contract._json import Json, JsonObject, is_object
from scaffold.server._hosted_plugin import HostedPlugin
from scaffold.server._options import Options
from scaffold.server._protocol.backpressure import TurnQueue
from scaffold.server._protocol.calls import Call, Headers, Request, Session
from scaffold.server._protocol.streams import StreamCall
from scaffold.server._protocol.tool_calls import ListTools, ToolCall
from scaffold.server._protocol.toolbox import Toolbox

_TRACE: Final = "trace_context"
_CAPABILITIES: Final[JsonObject] = {"tools": {}}
_CACHE_MS: Final = 300_000
"""Milliseconds that a client may cache results which cannot change while the server runs."""
_VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"
_NO_PARAMS: Final = Params()
_Method: TypeAlias = Callable[[Request], bytes | Call]


class Service:
    """Handles the messages of any number of clients for one plugin."""

    def __init__(self, hosted: HostedPlugin, options: Options) -> None:
        self._metadata = trusted_metadata if options.trusts_metadata else untrusted_metadata
        self._stream_timeout = options.stream_timeout
        self._turn_queue = TurnQueue()
        self.plugin = hosted.plugin
        self.tear_down = hosted.tear_down
        self.toolbox = Toolbox(hosted.plugin, hosted.name, hosted.tracer)
        self._info = {"name": hosted.name, "version": _version(hosted.plugin)}
        self._modern = ResultPrefix(self._info, modern=True)
        self._legacy = ResultPrefix(self._info, modern=False)
        self._modern_methods: dict[str, _Method] = {
            "server/discover": self._discover,
            "tools/list": self._list,
            "tools/call": self._call,
        }
        self._legacy_methods: dict[str, _Method] = {
            "initialize": self._initialize,
            "ping": self._ping,
            "tools/list": self._list,
            "tools/call": self._call,
        }

    def handle(
        self, message: Message, session: Session, headers: Headers | None = None
    ) -> bytes | Call | None:
        """Answer a message: a response, a call of the plugin to make, or nothing.

        `headers` are those of the HTTP request, lower case, to hold against the message. Raises
        `JsonRpcError` for what cannot be served; `message.id` says whom to tell.
        """
        request_id = message.id
        method = message.method
        if method is UNSET and message.result is UNSET and message.error is UNSET:
            raise JsonRpcError(ErrorCode.INVALID_REQUEST, "the message lacks a 'method'")
        if method is UNSET or request_id is UNSET or request_id is None:
            return None
        params = _NO_PARAMS if message.params is UNSET else message.params
        if _is_modern(method, params, session):
            method_handler, head = self._modern_methods.get(method), self._modern
        else:
            method_handler, head, headers = self._legacy_methods.get(method), self._legacy, None
        if method_handler is None:
            raise JsonRpcError(ErrorCode.METHOD_NOT_FOUND, f"no method '{method}'")
        return method_handler(Request(request_id, params, session, head, headers))

    def _discover(self, request: Request) -> bytes:
        result = {
            "supportedVersions": SUPPORTED,
            "capabilities": _CAPABILITIES,
            "instructions": self._instructions,
            "ttlMs": _CACHE_MS,
            "cacheScope": "public",
        }
        return write_response(request.id, b"{" + request.head.write() + encode(result)[1:])

    def _initialize(self, request: Request) -> bytes:
        if not request.params.protocol_version:
            raise JsonRpcError(ErrorCode.INVALID_PARAMS, "params.protocolVersion is required")
        request.session.version = negotiate_version(request.params.protocol_version)
        result = {
            "protocolVersion": request.session.version,
            "capabilities": _CAPABILITIES,
            "serverInfo": self._info,
            "instructions": self._instructions,
        }
        return write_response(request.id, encode(result))

    def _ping(self, request: Request) -> bytes:
        return write_response(request.id, b"{}")

    def _list(self, request: Request) -> Call:
        if request.params.cursor is not None:
            reason = "params.cursor is unknown: all tools are on the first page"
            raise JsonRpcError(ErrorCode.INVALID_PARAMS, reason)
        return ListTools(request, self.toolbox, _CACHE_MS if self.toolbox.is_static else 0)

    def _call(self, request: Request) -> Call:
        if not request.params.name:
            raise JsonRpcError(ErrorCode.INVALID_PARAMS, "params.name is required")
        tool = self.toolbox.get(request.params.name)
        meta = request.params.meta
        metadata = None if meta is UNSET else self._metadata(meta)
        if tool is None or not tool.streams:
            return ToolCall(request, self.toolbox, tool, metadata=metadata)
        return StreamCall(
            request,
            self.toolbox,
            tool,
            metadata=metadata,
            timeout=self._stream_timeout,
            turn_queue=self._turn_queue,
        )

    @property
    def _instructions(self) -> str:
        return str(self.plugin.kind.contract.get("description", ""))


def _is_modern(method: str, params: Params, session: Session) -> bool:
    """Return whether a request is modern; raise `JsonRpcError` if its revision is not supported."""
    meta = params.meta
    version = "" if meta is UNSET else meta.version
    if version == MODERN:
        if meta is UNSET or meta.capabilities is UNSET or bytes(meta.capabilities)[:1] != b"{":
            reason = f"params._meta must have the object {_CAPABILITIES_KEY}"
            raise JsonRpcError(ErrorCode.INVALID_PARAMS, reason)
        return True
    if version:
        supported = {"supported": SUPPORTED, "requested": version}
        raise JsonRpcError(ErrorCode.UNSUPPORTED_VERSION, "Unsupported protocol version", supported)
    if not session.version and method not in ("initialize", "ping"):
        message = f"params._meta must have {_VERSION_KEY}, or 'initialize' must be called first"
        raise JsonRpcError(ErrorCode.INVALID_PARAMS, message)
    return False


def _version(plugin: Plugin) -> str:
    """Return `__version__` of the plugin's package, or else the version of its kind."""
    package = sys.modules.get(type(plugin).__module__.partition(".")[0])
    return str(getattr(package, "__version__", plugin.kind.version))


def trusted_metadata(meta: RequestMeta) -> Mapping[str, Json] | None:
    """Return all metadata of a trusted client; `None` if there is none.

    Clients other than scaffold's write the trace fields directly into `_meta`.
    """
    given = meta.metadata
    if meta.traceparent is None and meta.baggage is None:
        return given
    if given is not None and _TRACE in given:
        return given
    trace = _standard_trace(meta)
    return {**(given or {}), _TRACE: {**trace}} if trace else given


def untrusted_metadata(meta: RequestMeta) -> Mapping[str, Json] | None:
    """Return only the trace fields of an untrusted client; `None` if there are none.

    Over stdio the client is the process that has started the server, and is trusted. Over HTTP the
    client is unknown and could send any `actor` or `tenant_id`, unless the operator trusts all
    clients, or requests must contain the token of the host.
    """
    given = meta.metadata
    if given is None and meta.traceparent is None and meta.baggage is None:
        return None
    ours = None if given is None else given.get(_TRACE)
    trace = trace_fields(ours) if is_object(ours) else _standard_trace(meta)
    return {_TRACE: {**trace}} if trace else None


def _standard_trace(meta: RequestMeta) -> dict[str, str]:
    """Return the trace fields in `_meta` (2026-07-28, SEP-414)."""
    return trace_fields(
        {
            "traceparent": meta.traceparent,
            "tracestate": meta.tracestate,
            "baggage": meta.baggage,
        }
    )
