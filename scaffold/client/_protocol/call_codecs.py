"""Codecs of the calls and streams of one hook: write requests, read responses and items."""

from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw
from pydantic_core import from_json
from typing_extensions import override

from scaffold._mcp.jsonrpc import Message, write_response
from scaffold._mcp.message_templates import TemplateMatch
from scaffold._mcp.notifications import WINDOW_BYTES, Progress, read_stream_end
from scaffold._mcp.tool_results import WRAPPED_ARGUMENT, read_foreign_result, read_result
from scaffold.client._protocol.responses import parse_in_full, result_of
from scaffold.client._protocol.session import OutgoingMessage, ProtocolSession
from scaffold.contract._context.call_context import (
    call_metadata,
    current_call_context,
    progress_listener,
)
from scaffold.contract._errors.errors import InvalidOutput, ProtocolError
from scaffold.contract._hooks.hook import Functions, Hook, StreamHook
from scaffold.contract._json import JsonObject

LOAD_ERRORS: Final = (ValueError, InvalidOutput)
"""What `CallCodec.quick` raises; `CallCodec.read` says what is wrong."""

_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode


class CallCodec:
    """Writes the calls of one hook, and reads their responses."""

    has_fast_path = True
    """False if only `write` and `read` may be used."""

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
        if self._modern:
            # Only if the structured content is the whole output, a template may skip the rest.
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
        self.dump = self._write_params
        # Other servers may declare an output schema, which `read` checks.
        self.has_fast_path = not session.offered.is_foreign

    @property
    @override
    def message_parts(self) -> tuple[bytes, bytes]:
        """The bytes around what `dump` writes: all parameters, since each function is a tool."""
        return b',"method":"tools/call","params":', b"}\n"

    @override
    def plain_message(self, arguments: bytes) -> OutgoingMessage:
        return OutgoingMessage("tools/call", arguments, self._hook.name)

    @override
    def write(self, payload: Any) -> OutgoingMessage:
        tool, arguments = self._function_call(payload)
        if current_call_context() is None:
            return OutgoingMessage("tools/call", b"%b%b}" % (self._head(tool), arguments), tool)
        return self._write_with_meta(tool, arguments)

    def _write_params(self, payload: Any) -> bytes:
        """Return the parameters of a plain call."""
        tool, arguments = self._function_call(payload)
        return b"%b%b}" % (self._head(tool), arguments)

    def _function_call(self, payload: Any) -> tuple[str, Raw]:
        """Return the tool and the arguments; raise `HookError` if the catalog has none such."""
        data = self._hook.input.dump(payload)
        parsed: JsonObject = from_json(data)
        self.session.tools.check(self._hook, parsed)
        tool = self.session.offered.functions[self._hook.name][parsed[self._functions.name]]
        return tool, _decode_object(data)[self._functions.arguments]

    def _head(self, tool: str) -> bytes:
        head = self._heads.get(tool)
        if head is None:
            head = self._heads[tool] = self.session.call_prefix(tool)
        return head

    @override
    def read(self, answer: Message | TemplateMatch[bool] | None, tool: str = "") -> Any:
        if not self.session.offered.is_foreign:
            return super().read(answer, tool)
        if isinstance(answer, TemplateMatch):
            answer = parse_in_full(answer)
        foreign = read_foreign_result(self._hook, result_of(answer, self._hook.name))
        if foreign.structured is not None:
            self.session.tools.check_output(self._hook, tool, foreign.structured)
        return self._hook.output.load(foreign.output)


def make_codec(session: ProtocolSession, hook: Hook[Any, Any]) -> CallCodec:
    """Return the codec of a hook; raise `RuntimeNotSupported` if the server lacks its tool."""
    if hook.functions is not None:
        return FunctionCallCodec(session, hook, hook.functions)
    return CallCodec(session, hook, session.tool_name(hook))


class StreamCallCodec(CallCodec):
    """Writes the calls of one stream hook, and reads their items and results."""

    def __init__(self, session: ProtocolSession, hook: StreamHook[Any, Any]) -> None:
        super().__init__(session, hook, session.tool_name(hook))

    @override
    def write(self, payload: Any) -> OutgoingMessage:
        before, after = self._wrap
        arguments = before + self._hook.input.dump(payload) + after
        token = self.session.new_progress_token()
        head = self.session.call_prefix(self._tool, token, call_metadata(), WINDOW_BYTES)
        report = progress_listener() or _ignore_progress
        params = b"%b%b}" % (head, arguments)
        return OutgoingMessage(
            "tools/call", params, self._tool, report=report, token=token, is_stream=True
        )

    def end(self, answer: Message | TemplateMatch[bool], received: int) -> list[bytes]:
        """Return the items in the response; raise the error in it."""
        message = parse_in_full(answer) if isinstance(answer, TemplateMatch) else answer
        result = result_of(message, self._hook.name)
        return read_stream_end(self._hook, result, received=received, modern=self._modern)

    def load(self, item: bytes) -> Any:
        """Decode an item; raise `InvalidOutput`."""
        return self._hook.output.load(item)


class StreamReader:
    """Reads the messages of one stream, and checks that none is missing."""

    def __init__(self, call: StreamCallCodec, outgoing: OutgoingMessage) -> None:
        self.outgoing = outgoing
        self._call = call
        self._messages = 0
        self._items = 0

    @property
    def has_begun(self) -> bool:
        """True after the first message. Then the call must not be repeated."""
        return self._messages > 0

    def read(self, received: Progress | Message | TemplateMatch[bool]) -> list[Any]:
        """Return the items in a message: none, one or all.

        Raises the hook's error, `InvalidOutput`, or `ProtocolError` if a message is missing.
        """
        if not isinstance(received, Progress):
            rest = self._call.end(received, self._items)
            return [self._call.load(item) for item in rest]
        self._messages += 1
        if received.progress != self._messages:
            said = f"message {received.progress:g} of the stream came instead of {self._messages}"
            raise ProtocolError(said)
        if received.item is UNSET:
            received.report_to(self.outgoing.report)
            return []
        self._items += 1
        return [self._call.load(bytes(received.item))]


StartStream: TypeAlias = Callable[[ProtocolSession], StreamReader]
"""Starts the stream on a session; a restart passes a new session."""


def stream_opener(
    session: ProtocolSession, hook: StreamHook[Any, Any]
) -> Callable[[Any], StartStream]:
    """Return a function from a payload to a `StartStream`.

    The request is written at once, so errors of the payload are raised by the caller's line. For
    another session it is written again in the same context. Raises `RuntimeNotSupported` if the
    server has no tool for the hook.
    """
    prepared = StreamCallCodec(session, hook)

    def open_(payload: Any) -> StartStream:
        context = copy_context()
        first = StreamReader(prepared, prepared.write(payload))

        def on(carrier: ProtocolSession) -> StreamReader:
            nonlocal prepared
            if carrier is session and not first.has_begun:
                return first
            if carrier is not prepared.session:
                prepared = StreamCallCodec(carrier, hook)
            return StreamReader(prepared, context.run(prepared.write, payload))

        return on

    return open_


def _ignore_progress(_progress: float, _total: float | None, _message: str) -> None:
    """Ignore progress: the caller has no listener."""
