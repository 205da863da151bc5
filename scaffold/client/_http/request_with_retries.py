"""Send one message and return its response, with retries.

Source: MCP 2026-07-28 and 2025-11-25, Streamable HTTP.
"""

from http import HTTPStatus
from itertools import count
from typing import Final, NamedTuple

from msgspec import UNSET

from scaffold._mcp.jsonrpc import (
    JsonRpcError,
    Message,
    encode,
    write_error_response,
    write_notification,
    write_request,
    write_response,
)
from scaffold._mcp.notifications import read_progress
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold.client._http.response_parsing import (
    EVENTS,
    JSON,
    EventStream,
    check_answer,
    content_type,
    excerpt,
    next_messages,
    parse_answer,
    read_beginning,
    read_body,
    status_text,
)
from scaffold.client._http.retry_policy import (
    AttemptFailed,
    Deadline,
    RetryPolicy,
    attempt_failed,
    read_refusal,
)
from scaffold.client._http.session import HttpSession
from scaffold.client._http.transport.io_requests import (
    Failure,
    PostMessage,
    RenewSession,
    RequestFailed,
    ResponseHead,
    SendRequest,
    Steps,
    Wait,
    YieldProgress,
)
from scaffold.client._protocol.session import OutgoingMessage
from scaffold.contract._errors.errors import (
    ProtocolError,
    TransportError,
)

_RECONNECT_PAUSE: Final = 1.0
"""Seconds before a stream is taken up again, if the server does not say."""

_MIN_RECONNECT_PAUSE: Final = 0.1
"""Seconds before that at least, whatever the server says."""
_REPLY_TIMEOUT: Final = 5.0
"""Seconds that it may take to answer a server's own request."""

_NO_TIMEOUT: Final = 365 * 86400.0

_OPENING_METHODS: Final = frozenset({"server/discover", "initialize", "notifications/initialized"})
"""What opens a session."""

_SESSION_HEADERS_ONLY: Final = OutgoingMessage("", b"")
"""Neither a request nor a notification: it needs the headers of the session alone."""


class Attempt(NamedTuple):
    """One try of a message."""

    number: int
    """The id of the request."""
    send: SendRequest


class RequestSender:
    """Sends the messages of one session."""

    def __init__(self, session: HttpSession) -> None:
        self._session = session
        self._ids = count(1)

    def write(self, outgoing: OutgoingMessage, seconds: float) -> Attempt:
        """Write a message whose answer may take `seconds`."""
        number = next(self._ids)
        if outgoing.is_stream:
            seconds = _NO_TIMEOUT  # the client for streams has a limit for each read
        if outgoing.expects_response:
            body = write_request(number, outgoing.method, outgoing.params)
        else:
            body = write_notification(outgoing.method, outgoing.params)
        return Attempt(number, SendRequest("POST", self._session.headers(outgoing), body, seconds))

    def reset_in_fork(self) -> None:
        """Give ids as in the beginning, in a process that a fork has made."""
        self._ids = count(1)

    def cancel(self, number: int) -> SendRequest:
        """Write that the answer to a request is not wanted any more."""
        params = encode({"requestId": number, "reason": "nobody reads the stream any longer"})
        return self.write(
            OutgoingMessage("notifications/cancelled", params, expects_response=False),
            _REPLY_TIMEOUT,
        ).send

    def send(
        self,
        outgoing: OutgoingMessage,
        deadline: Deadline,
        *,
        repeatable: bool,
        reconnect_timeout: float = 0.0,
        attempt: Attempt | None = None,
    ) -> Steps[Message | None]:
        """Send a message and return its answer; `None` for a notification or a probe without one.

        `repeatable` says that the message may be sent again even if it may have been worked on.
        `patience` is for how many seconds a server that cannot be reached is tried again at least.
        `written` is its first try, if that has been written.
        """
        if self._session.lost and outgoing.method not in _OPENING_METHODS:
            yield RenewSession(self._session.id, deadline.left)
            attempt = None
        what = f"{outgoing.method} {outgoing.name}".rstrip()
        attempts = RetryPolicy(
            what, deadline, repeatable=repeatable, reconnect_timeout=reconnect_timeout
        )
        while True:
            current = attempt or self.write(outgoing, deadline.left)
            attempt = None
            try:
                return (yield from self._try(outgoing, deadline, current))
            except AttemptFailed as raised:
                setback = raised
            except (ProtocolError, RequestFailed) as error:
                setback = attempt_failed(error, deadline)
            if outgoing.is_probe and setback.means_no_answer:
                return None
            pause = attempts.pause(setback)
            yield (
                RenewSession(setback.stale_session, deadline.left)
                if setback.stale_session
                else Wait(pause)
            )

    def _try(
        self, outgoing: OutgoingMessage, deadline: Deadline, attempt: Attempt
    ) -> Steps[Message | None]:
        number, send = attempt
        head: ResponseHead = yield send
        if head.status >= HTTPStatus.MULTIPLE_CHOICES:
            return (yield from read_refusal(outgoing, send.headers, head))
        if not outgoing.expects_response:
            return None
        if outgoing.method == "initialize":
            self._session.id = head.get_header("mcp-session-id") or ""
            self._session.lost = False
        encoding = head.get_header("content-encoding")
        if encoding is not None:
            raise ProtocolError(f"'content-encoding: {encoding}', which was not asked for")
        if content_type(head) == JSON:
            return parse_answer((yield from read_body(head)), number)
        try:
            return (yield from self._stream(outgoing, head, number, deadline))
        except RequestFailed as broken:
            if not outgoing.is_stream or broken.failure is not Failure.CUT:
                raise
            # Something has come of it: the call cannot be made again as if nothing had.
            raise AttemptFailed(broken.cause, TransportError) from None

    def _stream(
        self, outgoing: OutgoingMessage, head: ResponseHead, id: int, deadline: Deadline
    ) -> Steps[Message]:
        """Read events up to the answer, and pass on what it reports before.

        A broken stream is taken up again where that is possible.
        """
        events = EventStream()
        while True:
            yield from _expect_events(head)
            try:
                while (messages := (yield from next_messages(events))) is not None:
                    for message, data in messages:
                        if message.method is UNSET:
                            return check_answer(message, id)
                        yield from self._handle_before_answer(outgoing, message, data, id, deadline)
                cause = "the stream of events ended without the answer"
            except RequestFailed as broken:
                if broken.failure is not Failure.CUT:
                    raise
                cause = broken.cause
            if self._session.modern or not events.last_id:
                raise RequestFailed(Failure.CUT, cause)
            pause = (
                _RECONNECT_PAUSE
                if events.retry is None
                else max(events.retry, _MIN_RECONNECT_PAUSE)
            )
            if pause >= deadline.left:
                raise RequestFailed(
                    Failure.CUT, f"{cause}; the server asks for a pause of {pause:g} s"
                )
            yield Wait(pause)
            headers = {
                **self._session.headers(_SESSION_HEADERS_ONLY),
                "last-event-id": events.last_id,
            }
            head = yield SendRequest("GET", headers, b"", deadline.left)
            events = EventStream(events.last_id, events.retry)

    def _handle_before_answer(
        self,
        outgoing: OutgoingMessage,
        message: Message,
        data: bytes,
        number: int,
        deadline: Deadline,
    ) -> Steps[None]:
        """Deal with what comes before the answer: a report, or a request of the server's own."""
        if message.method == "notifications/progress":
            progress = read_progress(data)
            if progress is None or progress.token != outgoing.token:
                return
            if outgoing.is_stream:
                yield YieldProgress(progress, number)
            else:
                progress.report_to(outgoing.report)
        elif message.id is not UNSET:
            yield PostMessage(self._reply(message, deadline))

    def _reply(self, message: Message, deadline: Deadline) -> SendRequest:
        """Answer a legacy server's own request: a ping is returned, all else is refused."""
        assert isinstance(message.id, int | str)
        if message.method == "ping":
            body = write_response(message.id, b"{}")
        else:
            refusal = f"this client has no '{message.method}'"
            body = write_error_response(
                JsonRpcError(ErrorCode.METHOD_NOT_FOUND, refusal, id=message.id)
            )
        return SendRequest(
            "POST",
            self._session.headers(_SESSION_HEADERS_ONLY),
            body,
            min(_REPLY_TIMEOUT, deadline.left),
        )


def _expect_events(head: ResponseHead) -> Steps[None]:
    form = content_type(head)
    if head.status < HTTPStatus.MULTIPLE_CHOICES and form == EVENTS:
        return
    came = excerpt((yield from read_beginning())) or "no body"
    described = f"{status_text(head.status)} with content type '{form or 'none'}'"
    raise ProtocolError(f"neither JSON nor a stream of events came: {described}: {came}")
