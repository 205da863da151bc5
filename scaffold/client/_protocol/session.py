"""The client's half of the protocol, without I/O: protocol revision, tools, calls.

Channels drive it: `open` and `list_tools` are generators that yield messages to send, and receive
the responses. So four channels (stdio and HTTP, blocking and awaited) share one protocol.
Source: MCP 2026-07-28, Versioning: Backward Compatibility; stdio: Backward Compatibility.
"""

import itertools
from collections.abc import Generator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from scaffold._mcp.hook_tools import OfferedTools
from scaffold._mcp.jsonrpc import METADATA_KEY, STREAM_KEY, Message, encode
from scaffold._mcp.message_templates import TemplateCache
from scaffold._mcp.protocol_versions import LATEST_LEGACY, LEGACY, MODERN
from scaffold._version import __version__
from scaffold.client._protocol.responses import (
    InitializeResult,
    ToolList,
    ToolPages,
    ToolWarnings,
    choose_version,
    decode_result,
)
from scaffold.contract._context.call_context import ProgressListener
from scaffold.contract._errors.errors import ProtocolError, RuntimeNotSupported
from scaffold.contract._hooks.hook import Hook, Kind
from scaffold.contract._json import Json, JsonObject, is_object


class OutgoingMessage(msgspec.Struct, frozen=True, gc=False):
    """One message to send. The transport gives each request an id."""

    method: str
    params: bytes
    """JSON."""
    name: str = ""
    """The tool, for the `Mcp-Name` header."""
    expects_response: bool = True
    """False for a notification."""
    is_probe: bool = False
    """True if silence, a refusal or a crash is a valid outcome: the generator receives `None`."""
    report: ProgressListener | None = None
    """The progress listener of the caller, if there is one."""
    token: int = 0
    """The progress token if there is a listener, otherwise 0."""
    is_stream: bool = False
    """True if progress notifications are the items of a stream."""


Conversation: TypeAlias = Generator[OutgoingMessage, Message | None, None]
"""Yields messages to send. Receives the response, or `None` if there is none."""


class ProtocolSession:
    """The state of the protocol with one server: its revision, tools and message templates."""

    def __init__(self, kind: Kind, plugin: str) -> None:
        self.kind = kind
        self.plugin = plugin
        self.version = ""
        """The protocol revision; empty until `open` has run."""
        self._warn = ToolWarnings(plugin)
        self.tools = ToolList(kind, plugin, (), self._warn)
        self.templates: TemplateCache[bool] = TemplateCache("structuredContent")
        """Templates of results that contain a payload and nothing else."""
        self._tokens = itertools.count(1)
        self._meta: dict[str, Json] = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": _CLIENT_INFO,
            "io.modelcontextprotocol/clientCapabilities": {},
            "hookspec.scaffold/structured": True,
        }

    @property
    def modern(self) -> bool:
        """True if every request carries its version, and there is no session."""
        return self.version == MODERN

    def open(self) -> Conversation:
        """Find out the protocol revision if it is unknown, initialize the server, list tools."""
        if not self.version:
            answer = yield self._request("server/discover", {}, is_probe=True)
            self.version = choose_version(answer)
        if not self.modern:
            yield from self._initialize()
        yield from self.list_tools()

    def _initialize(self) -> Conversation:
        greeting = {
            "protocolVersion": self.version or LATEST_LEGACY,
            "capabilities": {},
            "clientInfo": _CLIENT_INFO,
        }
        answer = yield OutgoingMessage("initialize", encode(greeting))
        version = decode_result(answer, InitializeResult, "initialize").protocol_version or ""
        if version not in LEGACY:
            raise ProtocolError(f"the server chose the unknown protocol revision '{version}'")
        self.version = version
        yield OutgoingMessage("notifications/initialized", b"{}", expects_response=False)

    @property
    def offered(self) -> OfferedTools:
        """The server's tools, mapped to hooks and functions of the kind."""
        return self.tools.offered

    def list_tools(self) -> Conversation:
        """List all pages of the server's tools.

        An invalid tool is repaired or left out, with one warning.
        """
        pages = ToolPages(self.warn_about_tool, self.is_usable)
        cursor = pages.add((yield self._request("tools/list", {})))
        while cursor:
            cursor = pages.add((yield self._request("tools/list", {"cursor": cursor})))
        self.tools = ToolList(self.kind, self.plugin, pages.tools, self.warn_about_tool)

    def warn_about_tool(self, tool: str, what: str) -> None:
        """Log a warning about an invalid tool of the server."""
        self._warn(tool, what)

    def is_usable(self, tool: JsonObject) -> bool:
        """Return whether a listed tool can be called; transports override this."""
        return True

    def catalogue(self, hook: Hook[Any, Any]) -> bytes:
        """Return the output of a catalog hook as JSON, made from `tools/list`."""
        return encode(self.offered.catalogues[hook.name])

    def is_catalogue(self, hook: Hook[Any, Any]) -> bool:
        """Return whether `tools/list` provides the hook's output."""
        return hook.name in self.offered.catalogues

    def tool_name(self, hook: Hook[Any, Any]) -> str:
        """Return the name of a hook's tool; raise `RuntimeNotSupported` if there is none."""
        if not hook.exposed:
            reason = f"hook '{hook.name}' is offered in process only"
            raise RuntimeNotSupported(self.plugin, reason)
        tool = self.offered.tools.get(hook.name)
        if tool is None:
            offered = ", ".join(sorted(self.offered.tools.values())) or "none"
            reason = f"the server offers no tool for hook '{hook.name}'; it lists: {offered}"
            raise RuntimeNotSupported(self.plugin, reason)
        return tool

    def call_prefix(
        self,
        tool: str,
        token: int = 0,
        metadata: Mapping[str, Json] | None = None,
        window: int = 0,
    ) -> bytes:
        """Return the parameters of a call up to the arguments, which are last.

        Args:
            tool: The name of the tool.
            token: A progress token, to receive progress notifications; 0 for none.
            metadata: The metadata of the call.
            window: The window in bytes, to receive a stream; 0 for none.
        """
        meta = self._meta if self.modern else _LEGACY_META
        if token:
            meta = {**meta, "progressToken": token}
        if metadata:
            meta = {**meta, **_trace_members(metadata), METADATA_KEY: dict(metadata)}
        if window:
            meta = {**meta, STREAM_KEY: window}
        return encode({"name": tool, "_meta": meta})[:-1] + b',"arguments":'

    def new_progress_token(self) -> int:
        """Return a progress token that no other call has."""
        return next(self._tokens)

    def _request(
        self, method: str, params: JsonObject, *, is_probe: bool = False
    ) -> OutgoingMessage:
        meta = {"_meta": self._meta} if self.modern or is_probe else {}
        return OutgoingMessage(method, encode({**params, **meta}), is_probe=is_probe)


def _trace_members(metadata: Mapping[str, Json]) -> JsonObject:
    """Return the members of `_meta` for peers that do not read our metadata."""
    trace = metadata.get("trace_context")
    return {name: trace[name] for name in _TRACE_KEYS if name in trace} if is_object(trace) else {}


_TRACE_KEYS: Final = ("traceparent", "tracestate", "baggage")
"""Keys of a trace context that `_meta` has as members (2026-07-28, SEP-414)."""

_LEGACY_META: Final[JsonObject] = {"hookspec.scaffold/structured": True}

_CLIENT_INFO: Final[JsonObject] = {"name": "hookspec-scaffold", "version": __version__}
