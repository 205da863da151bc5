"""What the two stdio servers share: lines in, messages out, the calls under way between them."""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import UNSET

from scaffold._mcp.jsonrpc import (
    JsonRpcError,
    Message,
    RequestId,
    read_message,
    write_error_response,
)
from scaffold._mcp.message_templates import TemplateCache
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold._mcp.stream_messages import MORE_NOTIFICATION
from scaffold.contract._errors.errors import InvalidInput
from scaffold.server._protocol.request_context import Session
from scaffold.server._protocol.service import Service
from scaffold.server._protocol.tool_calls import Call, Repetition, ToolCall
from scaffold.server._protocol.tool_responses import Answers
from scaffold.server._stdio.line_framing import TooLong
from scaffold.server._stdio.stdout_writer import Outlet

__all__ = ["Conversation", "Repeated"]

_MOST_STREAMS: Final = 256
"""Streams that are open at the same time: each may hold a window of messages."""


class Repeated(msgspec.Struct, gc=False):
    """A call like an earlier one that takes its time, so that it may be given up meanwhile."""

    id: RequestId
    cancelled: bool = False


class Conversation:
    """One client at the other end of the pipes."""

    def __init__(
        self, service: Service, outlet: Outlet, largest: int, cancel: Callable[[Call], None]
    ) -> None:
        self._service = service
        self._outlet = outlet
        self._largest = largest
        self._cancel = cancel
        self._session = Session()
        self.templates: TemplateCache[Answers] = TemplateCache("arguments")
        """How calls begin that may be answered like earlier ones."""
        self.running: dict[RequestId, Call | Repeated] = {}
        """The calls that have not been answered yet."""

    def repeated(self, line: bytes) -> Repeated | None:
        """Count a call like an earlier one, being answered, among those under way."""
        match = self.templates.match(line.removesuffix(b"\n"))
        if match is None or match.id in self.running:
            return None
        call = self.running[match.id] = Repeated(match.id)
        return call

    def repetition(self, line: bytes) -> Call | None:
        """Read a call like an earlier one, to be made by the caller; `None` if the line is none."""
        match = self.templates.match(line)
        if match is None:
            return None
        answers = match.value
        try:
            payload = answers.tool.hook.input.loader(match.payload)
        except InvalidInput:
            return None
        call = self.running[match.id] = Repetition(match.id, answers, payload)
        return call

    def accept(self, line: bytes) -> Call | None:
        """Read a line: the call that must be made for it, or `None` if it has been dealt with."""
        asked: RequestId | None = None
        try:
            message = self._read(line)
            if message.id is UNSET:
                self._hear(message)
                return None
            asked = message.id
            answer = self._service.answer(message, self._session)
        except JsonRpcError as error:
            self._outlet.add(write_error_response(error, asked) + b"\n")
            return None
        if isinstance(answer, Call):
            if answer.flow is not None and self._streams() >= _MOST_STREAMS:
                full = f"this connection has {_MOST_STREAMS} streams open already"
                refusal = JsonRpcError(ErrorCode.INTERNAL_ERROR, full)
                self._outlet.add(write_error_response(refusal, asked) + b"\n")
                return None
            self.running[answer.id] = answer
            return answer
        if answer is not None:
            self._outlet.add(answer + b"\n")
        return None

    def _streams(self) -> int:
        running = list(self.running.values())
        return sum(isinstance(call, Call) and call.flow is not None for call in running)

    def learn(self, line: bytes, call: Call) -> None:
        """Remember how a call was written, to recognise others like it."""
        if isinstance(call, ToolCall):
            answers = call.repeated
            if answers is not None:
                self.templates.remember(line, call.arguments, answers)

    def _read(self, line: bytes) -> Message:
        if isinstance(line, TooLong):
            limit = f"a message may have {self._largest} bytes, and one had more"
            raise JsonRpcError(ErrorCode.INVALID_REQUEST, limit)
        return read_message(line)

    def reply(self, call: Call | Repeated, response: bytes) -> None:
        """Answer a call, unless its client has given it up; it is written at the next flush."""
        self.forget(call)
        if not call.cancelled:
            self._outlet.add(response + b"\n")

    def forget(self, call: Call | Repeated) -> None:
        """Count a call no more among those under way."""
        if self.running.get(call.id) is call:
            del self.running[call.id]

    def _hear(self, notification: Message) -> None:
        """Give a call up if its client no longer wants it, or let its stream go on.

        Other notifications mean nothing.
        """
        params = notification.params
        meant = None if params is UNSET else params.request_id
        call = None if meant is None else self.running.get(meant)
        if call is None or params is UNSET:
            return
        if notification.method == MORE_NOTIFICATION:
            if isinstance(call, Call) and call.flow is not None:
                call.flow.take(params.taken)
        elif notification.method == "notifications/cancelled":
            call.cancelled = True
            if isinstance(call, Call):
                call.give_up()
                self._cancel(call)

    def leave(self) -> None:
        """Give up the streams: at the end of the input, nobody is there to take them."""
        for call in list(self.running.values()):
            if isinstance(call, Call) and call.flow is not None:
                call.give_up()
                self._cancel(call)
