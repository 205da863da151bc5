"""Calls of stream hooks: write the request and read the items, over any transport."""

from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeAlias

from msgspec import UNSET
from typing_extensions import override

from scaffold._mcp.jsonrpc import Message
from scaffold._mcp.message_templates import TemplateMatch
from scaffold._mcp.progress import Progress
from scaffold._mcp.stream_messages import WINDOW_BYTES, read_stream_end
from scaffold.client._protocol.call_codecs import CallCodec
from scaffold.client._protocol.responses import parse_in_full, result_of
from scaffold.client._protocol.session import OutgoingMessage, ProtocolSession
from scaffold.contract._context.metadata import call_metadata
from scaffold.contract._context.progress import progress_listener
from scaffold.contract._errors.errors import ProtocolError
from scaffold.contract._hooks.hook import StreamHook


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
