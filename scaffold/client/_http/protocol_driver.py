"""The protocol of one server over HTTP, without I/O, as steps for a driver.

Source: MCP 2026-07-28, Streamable HTTP: Backward Compatibility.
"""

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, ClassVar, Final, NamedTuple

from msgspec import UNSET

from scaffold._mcp.jsonrpc import Message
from scaffold._mcp.lenient_reading import read_error_reason
from scaffold._mcp.notifications import Progress
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold.client._http.request_with_retries import Attempt, RequestSender
from scaffold.client._http.response_parsing import parse_result
from scaffold.client._http.retry_policy import Deadline
from scaffold.client._http.session import HttpSession
from scaffold.client._http.transport.io_requests import (
    Done,
    RequestFailed,
    SendRequest,
    Step,
    Steps,
)
from scaffold.client._http.transport.server_address import ServerAddress
from scaffold.client._protocol.call_codecs import CallCodec, StreamReader, make_codec, stream_opener
from scaffold.client._protocol.session import Conversation, OutgoingMessage
from scaffold.contract._errors.errors import (
    ConnectFailed,
    HookError,
    ProtocolError,
    ScaffoldError,
    TransportError,
)
from scaffold.contract._hooks.hook import Hook, StreamHook

_PROBE_TIMEOUT: Final = 10.0
"""Seconds after which silence is taken for the answer of a legacy server."""
_RESTART_TIMEOUT: Final = 5.0
"""Seconds that a server which has been there before may take to be there again."""
_CLOSE_TIMEOUT: Final = 2.0
"""Seconds that the end of a session may take."""


_EXPLAINED_ERRORS: Final = (TransportError, RequestFailed, RecursionError, HookError)


class FastRequest(NamedTuple):
    """The fast path of a call: one request, and one JSON object as the response."""

    send: SendRequest
    """The first step of the plain path."""
    read: Callable[[bytes], Done[Any] | None]
    """Reads a whole body; returns `None` to decline, if it is not a result."""


class PreparedCall(NamedTuple):
    """A call that is about to be made."""

    steps: Callable[[], Generator[Step, Any, None]]
    """Returns the plain path: the complete protocol."""
    fast: FastRequest | None = None

    def plain_steps_after_send(self) -> Generator[Step, Any, None]:
        """Return the plain path after its first step, which the fast path has performed."""
        steps = self.steps()
        next(steps)
        return steps


class PreparedStream(NamedTuple):
    """A call of a stream hook that is about to be made."""

    steps: Callable[[], Generator[Step, Any, None]]
    """Begins it; what it is `Done` with is the answer."""
    items: Callable[[Progress | Message], list[Any]]
    """Reads what comes of it, and the answer: the items, each once."""


class ProtocolDriver:
    """The server at an address, as one session knows it. `timeout` is in seconds."""

    fast_paths: ClassVar[bool] = True
    """False sends every call on the plain path. Tests of channels run with both values."""

    def __init__(self, address: ServerAddress, session: HttpSession, timeout: float) -> None:
        self.address = address
        self.session = session
        self._timeout = timeout
        self._sender = RequestSender(session)

    @property
    def closed(self) -> ConnectFailed:
        """The error of a call on a channel that was closed."""
        return ConnectFailed(f"{self.address}: the channel is closed")

    def open(self, timeout: float | None = None) -> Generator[Step, Any, None]:
        """Find out the protocol revision if it is unknown, and list the tools."""
        return self._run(self._open(self._timeout if timeout is None else timeout))

    def bind(self, hook: Hook[Any, Any]) -> Callable[[Any], PreparedCall]:
        """Return what begins a call of `hook`; raise `RuntimeNotSupported` if there is no tool."""
        timeout = self._timeout if hook.timeout is None else hook.timeout
        if self.session.is_catalogue(hook):
            return lambda payload: PreparedCall(
                lambda: self._run(self._list(hook, payload, timeout))
            )
        call = make_codec(self.session, hook)
        repeatable = hook.idempotent or hook.read_only
        return lambda payload: self._begin(call, payload, timeout, repeatable=repeatable)

    def _begin(
        self, call: CallCodec, payload: Any, timeout: float, *, repeatable: bool
    ) -> PreparedCall:
        try:
            deadline = Deadline(timeout)
            outgoing = call.write(payload)
            attempt = self._sender.write(outgoing, timeout)
        except _EXPLAINED_ERRORS as error:
            raise self._explain(error) from None
        read = partial(self._read, call, outgoing.name, attempt.number)
        fast = None
        if self.fast_paths and not self.session.lost:  # the only place that chooses
            fast = FastRequest(attempt.send, read)
        return PreparedCall(
            lambda: self._run(self._call(call, outgoing, deadline, attempt, repeatable=repeatable)),
            fast,
        )

    def stream(self, hook: StreamHook[Any, Any]) -> Callable[[Any], PreparedStream]:
        """Return what begins a call of a stream hook; raise as `bind` does."""
        open_ = stream_opener(self.session, hook)
        repeatable = hook.idempotent or hook.read_only
        timeout = self.item_timeout(hook)

        def begin(payload: Any) -> PreparedStream:
            stream = open_(payload)(self.session)
            steps = partial(self._begun, stream.outgoing, timeout, repeatable=repeatable)
            return PreparedStream(steps, partial(self._items, stream))

        return begin

    def item_timeout(self, hook: Hook[Any, Any]) -> float:
        """Return for how many seconds an answer, or the next item, is waited for."""
        return self._timeout if hook.timeout is None else hook.timeout

    def cancel(self, number: int) -> SendRequest | None:
        """Return how to give a request up; `None` if hanging up says it."""
        return None if self.session.modern else self._sender.cancel(number)

    def _begun(
        self, outgoing: OutgoingMessage, timeout: float, *, repeatable: bool
    ) -> Generator[Step, Any, None]:
        return self._run(self._sender.send(outgoing, Deadline(timeout), repeatable=repeatable))

    def _items(self, stream: StreamReader, received: Progress | Message) -> list[Any]:
        try:
            return stream.read(received)
        except _EXPLAINED_ERRORS as error:
            raise self._explain(error) from None

    def _read(self, call: CallCodec, tool: str, number: int, body: bytes) -> Done[Any] | None:
        try:
            match = self.session.templates.match(body)
            known = match is not None and match.id == number
            answer = match if known else parse_result(body, number)
            return None if answer is None else Done(call.read(answer, tool))
        except _EXPLAINED_ERRORS as error:
            raise self._explain(error) from None

    def reset_in_fork(self) -> None:
        """Begin as a new client, in a process that a fork has made."""
        self.session.abandon_in_fork()
        self._sender.reset_in_fork()

    def end_session(self) -> Generator[Step, Any, None]:
        """End a legacy session."""
        return self._run(self._end_session())

    def _run(self, steps: Steps[Any]) -> Generator[Step, Any, None]:
        try:
            yield Done((yield from steps))
        except _EXPLAINED_ERRORS as error:
            raise self._explain(error) from None

    def _explain(self, error: ScaffoldError | RequestFailed | RecursionError) -> ScaffoldError:
        """Add the address to an error, and remove secrets from it."""
        if isinstance(error, HookError):
            error.message = self.address.redact(error.message)
            error.args = (self.address.redact(str(error.args[0])),)
            error.data = self.address.secrets.redact_json(error.data)
            return error
        if isinstance(error, TransportError):
            return type(error)(f"{self.address}: {self.address.redact(str(error))}")
        if isinstance(error, RequestFailed):
            return TransportError(f"{self.address}: {self.address.redact(error.cause)}")
        return ProtocolError(f"{self.address}: what came is nested too deeply")

    def _open(self, timeout: float) -> Steps[None]:
        try:
            yield from self._converse(self.session.open(), Deadline(timeout))
        except (ConnectFailed, ProtocolError):
            raise
        except TransportError as error:
            raise ConnectFailed(str(error)) from None

    def _list(self, hook: Hook[Any, Any], payload: Any, timeout: float) -> Steps[Any]:
        hook.input.dump(payload)
        yield from self._converse(self.session.list_tools(), Deadline(timeout))
        return hook.output.load(self.session.catalogue(hook))

    def _call(
        self,
        call: CallCodec,
        outgoing: OutgoingMessage,
        deadline: Deadline,
        attempt: Attempt,
        *,
        repeatable: bool,
    ) -> Steps[Any]:
        send = partial(
            self._sender.send,
            outgoing,
            deadline,
            repeatable=repeatable,
            reconnect_timeout=_RESTART_TIMEOUT,
        )
        answer = yield from send(attempt=attempt)
        if _mismatched(answer):
            # The server's tools have changed: read which headers it wants now (Client Behavior).
            yield from self._converse(self.session.list_tools(), deadline)
            answer = yield from send()
        return call.read(answer, outgoing.name)

    def _end_session(self) -> Steps[None]:
        if not self.session.id:
            return
        try:
            yield SendRequest(
                "DELETE", self.session.headers(OutgoingMessage("", b"")), b"", _CLOSE_TIMEOUT
            )
        except RequestFailed:
            return

    def _converse(self, conversation: Conversation, deadline: Deadline) -> Steps[None]:
        """Carry the messages of a talk; every one of them may be sent twice."""
        try:
            outgoing = next(conversation)
            while True:
                send = self._probe if outgoing.is_probe else self._ask
                outgoing = conversation.send((yield from send(outgoing, deadline)))
        except StopIteration:
            return

    def _ask(self, outgoing: OutgoingMessage, deadline: Deadline) -> Steps[Message | None]:
        return (yield from self._sender.send(outgoing, deadline, repeatable=True))

    def _probe(self, outgoing: OutgoingMessage, deadline: Deadline) -> Steps[Message | None]:
        """Send a probe; silence is an answer too, and must leave time for the greeting."""
        return (yield from self._ask(outgoing, Deadline(min(_PROBE_TIMEOUT, deadline.left / 2))))


def _mismatched(answer: Message | None) -> bool:
    if answer is None or not answer.is_error or answer.error is UNSET:
        return False
    return read_error_reason(answer.error).code == ErrorCode.HEADER_MISMATCH
