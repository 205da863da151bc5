"""Calls of stream hooks: what is written, and how the items are read, whatever carries them."""

from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeAlias

from msgspec import UNSET
from typing_extensions import override

from scaffold._mcp.jsonrpc import Message
from scaffold._mcp.message_templates import TemplateMatch
from scaffold._mcp.progress import Progress
from scaffold._mcp.stream_messages import WINDOW_BYTES, read_stream_end
from scaffold.client._protocol.responses import in_full, result_of
from scaffold.client._protocol.session import Call, Outgoing, Session
from scaffold.contract._context.metadata import call_metadata
from scaffold.contract._context.progress import progress_listener
from scaffold.contract._errors.errors import ProtocolError
from scaffold.contract._hooks.hook import StreamHook

__all__ = ["On", "Stream", "opener"]


class StreamCall(Call):
    """Writes the calls of one stream hook, and reads what comes of them."""

    def __init__(self, session: Session, hook: StreamHook[Any, Any]) -> None:
        super().__init__(session, hook, session.tool(hook))

    @override
    def write(self, payload: Any) -> Outgoing:
        before, after = self._wrap
        arguments = before + self._hook.input.dump(payload) + after
        token = self.session.token()
        head = self.session.head(self._tool, token, call_metadata(), WINDOW_BYTES)
        report = progress_listener() or _ignore
        params = b"%b%b}" % (head, arguments)
        return Outgoing("tools/call", params, self._tool, report=report, token=token, streams=True)

    def end(self, answer: Message | TemplateMatch[bool], received: int) -> list[bytes]:
        """Return the items that come with the answer; raise the error it holds."""
        message = in_full(answer) if isinstance(answer, TemplateMatch) else answer
        result = result_of(message, self._hook.name)
        return read_stream_end(self._hook, result, received=received, modern=self._modern)

    def load(self, item: bytes) -> Any:
        """Read an item; raise `InvalidOutput`."""
        return self._hook.output.load(item)


class Stream:
    """What comes of one call."""

    def __init__(self, call: StreamCall, outgoing: Outgoing) -> None:
        self.outgoing = outgoing
        self._call = call
        self._messages = 0
        self._items = 0

    @property
    def begun(self) -> bool:
        """True once something has come: then it cannot be called again as if nothing had."""
        return self._messages > 0

    def read(self, received: Progress | Message | TemplateMatch[bool]) -> list[Any]:
        """Return the items that a message brings: one, or none, or all.

        Raises the hook's error, `InvalidOutput`, or `ProtocolError` if a message is missing.
        """
        if not isinstance(received, Progress):
            rest = self._call.end(received, self._items)
            return [self._call.load(item) for item in rest]
        self._messages += 1
        if received.progress != self._messages:
            said = f"message {received.progress:g} of the stream came in place of {self._messages}"
            raise ProtocolError(said)
        if received.item is UNSET:
            received.report_to(self.outgoing.report)
            return []
        self._items += 1
        return [self._call.load(bytes(received.item))]


On: TypeAlias = Callable[[Session], Stream]
"""Takes the session to open a stream on."""


def opener(session: Session, hook: StreamHook[Any, Any]) -> Callable[[Any], On]:
    """Return what takes a payload; raise `RuntimeNotSupported` if the server has no such tool.

    The call is written at once, and again for another session: as it was, whoever iterates.
    """
    prepared = StreamCall(session, hook)

    def open_(payload: Any) -> On:
        context = copy_context()
        first = Stream(prepared, prepared.write(payload))

        def on(carrier: Session) -> Stream:
            nonlocal prepared
            if carrier is session and not first.begun:
                return first
            if carrier is not prepared.session:
                prepared = StreamCall(carrier, hook)
            return Stream(prepared, context.run(prepared.write, payload))

        return on

    return open_


def _ignore(_progress: float, _total: float | None, _message: str) -> None:
    """Nobody listens."""
