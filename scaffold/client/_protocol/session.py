"""The client's half of the protocol, without I/O: protocol revision, tools, calls.

Channels drive it: `open` and `list_tools` are generators that yield messages to send, and receive
the responses. So four channels (stdio and HTTP, blocking and awaited) share one protocol.
Source: MCP 2026-07-28, Versioning: Backward Compatibility; stdio: Backward Compatibility.
"""

import itertools
from collections.abc import Generator, Mapping
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Raw
from pydantic_core import from_json

from scaffold._mcp.hook_tools import OfferedTools
from scaffold._mcp.jsonrpc import METADATA_KEY, STREAM_KEY, Message, encode, write_response
from scaffold._mcp.message_templates import TemplateCache, TemplateMatch
from scaffold._mcp.protocol_versions import LATEST_LEGACY, LEGACY, MODERN
from scaffold._mcp.tool_results import WRAPPED_ARGUMENT, read_foreign_result, read_result
from scaffold._version import __version__
from scaffold.client._protocol.responses import (
    InitializeResult,
    choose_version,
    decode_result,
    parse_in_full,
    result_of,
)
from scaffold.client._protocol.tool_list import ToolList, ToolPages, ToolWarnings
from scaffold.contract._context.call_context import current_call_context
from scaffold.contract._context.metadata import call_metadata
from scaffold.contract._context.progress import ProgressListener, progress_listener
from scaffold.contract._errors.errors import InvalidOutput, ProtocolError, RuntimeNotSupported
from scaffold.contract._hooks.hook import Functions, Hook, Kind
from scaffold.contract._json.types import Json, JsonObject, is_object

__all__ = ["LOAD_ERRORS", "CallCodec", "Conversation", "OutgoingMessage", "ProtocolSession"]

LOAD_ERRORS: Final = (ValueError, InvalidOutput)
"""What `CallCodec.quick` raises; `CallCodec.read` says what is wrong."""


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


_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode


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

    def codec(self, hook: Hook[Any, Any]) -> "CallCodec":
        """Return the codec of a hook; raise `RuntimeNotSupported` if the server lacks the tool."""
        if hook.functions is not None:
            return FunctionCallCodec(self, hook, hook.functions)
        return CallCodec(self, hook, self.tool_name(hook))

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


class CallCodec:
    """Writes the calls of one hook, and reads their responses."""

    def __init__(self, session: ProtocolSession, hook: Hook[Any, Any], tool: str) -> None:
        described = session.kind.describe(hook.name)
        self.session = session
        self._hook = hook
        self.dump = hook.input.dumper
        """Encodes an input; raises `InvalidInput`."""
        self.load = hook.output.loader
        """Decodes an output; raises `InvalidOutput`."""
        self.load_short = hook.output.short_loader
        """Decodes a short output, with less work; raises one of `LOAD_ERRORS`."""
        self._tool = tool
        self._is_object = bool(described["output"]["object"])
        self._modern = session.modern
        wrapped = not described["input"]["object"]
        self._wrap = (b'{"%b":' % WRAPPED_ARGUMENT.encode(), b"}") if wrapped else (b"", b"")
        before, after = self._wrap
        self._around = session.call_prefix(tool) + before, after + b"}"
        """The bytes before and after the payload in the parameters of a plain call."""

    def write(self, payload: Any) -> OutgoingMessage:
        """Write a call; raise `InvalidInput` for a payload that the schema refuses."""
        arguments = self.dump(payload)
        if current_call_context() is None:
            return self.plain_message(arguments)
        before, after = self._wrap
        return self._write_with_meta(self._tool, before + arguments + after)

    @property
    def message_parts(self) -> tuple[bytes, bytes]:
        """The bytes between the id and the payload of a plain call, and after the payload."""
        before, after = self._around
        return b',"method":"tools/call","params":' + before, after + b"}\n"

    def plain_message(self, arguments: bytes) -> OutgoingMessage:
        """Return a call without metadata and progress; `arguments` is a valid payload as JSON."""
        before, after = self._around
        return OutgoingMessage("tools/call", before + arguments + after, self._tool)

    def _write_with_meta(self, tool: str, arguments: bytes | Raw) -> OutgoingMessage:
        report = progress_listener()
        token = self.session.new_progress_token() if report is not None else 0
        params = b"%b%b}" % (self.session.call_prefix(tool, token, call_metadata()), arguments)
        return OutgoingMessage("tools/call", params, tool, report=report, token=token)

    def read(self, answer: Message | TemplateMatch[bool] | None, tool: str = "") -> Any:
        """Return the output; raise the hook's error, `InvalidOutput` or `ProtocolError`.

        `tool` is the name in the request, for a hook with several tools.
        """
        if isinstance(answer, TemplateMatch):
            try:
                return self.load(answer.payload)
            except InvalidOutput:
                answer = parse_in_full(answer)
        hook = self._hook
        result = result_of(answer, hook.name)
        output = read_result(hook, result, is_object=self._is_object, modern=self._modern)
        if self._modern and not hook.content:
            # The structured content is the whole output, so a template may skip the rest.
            self.session.templates.remember(write_response(1, bytes(result)), output, value=True)
        return hook.output.load(output)


class FunctionCallCodec(CallCodec):
    """The codec of a hook with one tool for each function."""

    def __init__(
        self, session: ProtocolSession, hook: Hook[Any, Any], functions: Functions
    ) -> None:
        super().__init__(session, hook, "")
        self._functions = functions
        self._heads: dict[str, bytes] = {}

    def write(self, payload: Any) -> OutgoingMessage:
        data = self._hook.input.dump(payload)
        parsed: JsonObject = from_json(data)
        self.session.tools.check(self._hook, parsed)
        tool = self.session.offered.functions[self._hook.name][parsed[self._functions.name]]
        head = self._heads.get(tool)
        if head is None:
            head = self._heads[tool] = self.session.call_prefix(tool)
        arguments = _decode_object(data)[self._functions.arguments]
        if current_call_context() is None:
            return OutgoingMessage("tools/call", b"%b%b}" % (head, arguments), tool)
        return self._write_with_meta(tool, arguments)

    def read(self, answer: Message | TemplateMatch[bool] | None, tool: str = "") -> Any:
        if not self.session.offered.is_foreign:
            return super().read(answer, tool)
        if isinstance(answer, TemplateMatch):
            answer = parse_in_full(answer)
        foreign = read_foreign_result(self._hook, result_of(answer, self._hook.name))
        if foreign.structured is not None:
            self.session.tools.check_output(self._hook, tool, foreign.structured)
        return self._hook.output.load(foreign.output)


def _trace_members(metadata: Mapping[str, Json]) -> JsonObject:
    """Return the members of `_meta` for peers that do not read our metadata."""
    trace = metadata.get("trace_context")
    return {name: trace[name] for name in _TRACE_KEYS if name in trace} if is_object(trace) else {}


_TRACE_KEYS: Final = ("traceparent", "tracestate", "baggage")
"""Keys of a trace context that `_meta` has as members (2026-07-28, SEP-414)."""

_LEGACY_META: Final[JsonObject] = {"hookspec.scaffold/structured": True}

_CLIENT_INFO: Final[JsonObject] = {"name": "hookspec-scaffold", "version": __version__}
