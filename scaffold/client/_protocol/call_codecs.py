"""Codecs of the calls of one hook: they write requests and read responses, over any transport."""

from typing import Any, Final

import msgspec
from msgspec import Raw
from pydantic_core import from_json

from scaffold._mcp.jsonrpc import Message, write_response
from scaffold._mcp.message_templates import TemplateMatch
from scaffold._mcp.tool_results import WRAPPED_ARGUMENT, read_foreign_result, read_result
from scaffold.client._protocol.responses import parse_in_full, result_of
from scaffold.client._protocol.session import OutgoingMessage, ProtocolSession
from scaffold.contract._context.call_context import current_call_context
from scaffold.contract._context.metadata import call_metadata
from scaffold.contract._context.progress import progress_listener
from scaffold.contract._errors.errors import InvalidOutput
from scaffold.contract._hooks.hook import Functions, Hook
from scaffold.contract._json.types import JsonObject

LOAD_ERRORS: Final = (ValueError, InvalidOutput)
"""What `CallCodec.quick` raises; `CallCodec.read` says what is wrong."""

_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode


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


def make_codec(session: ProtocolSession, hook: Hook[Any, Any]) -> CallCodec:
    """Return the codec of a hook; raise `RuntimeNotSupported` if the server lacks its tool."""
    if hook.functions is not None:
        return FunctionCallCodec(session, hook, hook.functions)
    return CallCodec(session, hook, session.tool_name(hook))
