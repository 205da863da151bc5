"""One message to a server and its answer, tried until it is there or there is no hope.

Source: MCP 2026-07-28 and 2025-11-25, Streamable HTTP.
"""

from collections.abc import Mapping
from http import HTTPStatus
from itertools import count
from typing import Final

from msgspec import UNSET

from scaffold.client.http_answer import (
    EVENTS,
    JSON,
    answer_in,
    check_answer,
    content_type,
    excerpt,
    next_messages,
    read_beginning,
    read_body,
    refusal_in,
    shown_location,
    status_text,
)
from scaffold.client.http_session import HttpSession
from scaffold.client.http_steps import Broken, Failure, Head, Post, Renew, Send, Steps, Wait
from scaffold.client.retry import Attempts, Deadline, Setback, retry_after
from scaffold.client.session import Outgoing
from scaffold.client.sse import EventStream
from scaffold.contract.errors import (
    ConnectFailed,
    DeadlineExceeded,
    ProtocolError,
    TransportError,
)
from scaffold.wire.eras import Code
from scaffold.wire.messages import (
    Message,
    RequestId,
    WireError,
    error_response,
    notification,
    request,
    response,
)

__all__ = ["Exchange"]

_TURNED_AWAY: Final = frozenset({401, 403, 407})
_PASSING_STATUS: Final = frozenset({429, 500, 502, 503, 504})
_CRASHED: Final = 500
_RECONNECT: Final = 1.0
"""Seconds before a stream is taken up again, if the server does not say."""

_RESUME: Final = Outgoing("", b"")
"""Neither a request nor a notification: it needs the headers of the session alone."""

_ERRORS: Final[dict[Failure, type[TransportError]]] = {
    Failure.UNSENT: ConnectFailed,
    Failure.UNTRUSTED: ConnectFailed,
    Failure.CUT: TransportError,
    Failure.LATE: DeadlineExceeded,
    Failure.GARBLED: ProtocolError,
    Failure.CLOSED: TransportError,
}
_PASSING: Final = frozenset({Failure.UNSENT, Failure.CUT})


class _SessionEnded(Exception):
    """The server does not know the session that the request was part of."""


class Exchange:
    """Sends the messages of one session."""

    def __init__(self, session: HttpSession) -> None:
        self._session = session
        self._ids = count(1)

    def send(
        self, outgoing: Outgoing, deadline: Deadline, *, repeatable: bool
    ) -> Steps[Message | None]:
        """Send a message and return its answer, `None` for a notification.

        `repeatable` says that the message may be sent again even if it may have been worked on.
        """
        what = f"{outgoing.method} {outgoing.name}".rstrip()
        attempts = Attempts(what, deadline, repeatable=repeatable)
        renewed = False
        while True:
            used = self._session.id
            try:
                return (yield from self._try(outgoing, deadline))
            except Broken as broken:
                error = _ERRORS[broken.failure]
                if broken.failure is Failure.LATE:
                    cause = f"{broken.cause} ({deadline.seconds:g} s)"
                    raise attempts.failed(error, cause) from None
                if broken.failure not in _PASSING:
                    raise attempts.failed(error, broken.cause) from None
                unserved = broken.failure is Failure.UNSENT
                yield Wait(attempts.pause(Setback(broken.cause, error=error, unserved=unserved)))
            except Setback as setback:
                yield Wait(attempts.pause(setback))
            except _SessionEnded:
                if renewed:
                    raise attempts.failed(ProtocolError, "a new session ended at once") from None
                renewed = True
                yield Renew(used)
            except (ProtocolError, ConnectFailed) as error:
                raise attempts.failed(type(error), str(error)) from None

    def _try(self, outgoing: Outgoing, deadline: Deadline) -> Steps[Message | None]:
        number = next(self._ids)
        if outgoing.answered:
            body = request(number, outgoing.method, outgoing.params)
        else:
            body = notification(outgoing.method, outgoing.params)
        headers = self._session.headers(outgoing)
        head: Head = yield Send("POST", headers, body, deadline.left)
        if head.status >= HTTPStatus.MULTIPLE_CHOICES:
            return (yield from self._refused(outgoing, headers, head))
        if not outgoing.answered:
            return None
        if outgoing.method == "initialize":
            self._session.id = head.get_header("mcp-session-id") or ""
        if content_type(head) == JSON:
            return answer_in((yield from read_body(head)), number)
        return (yield from self._stream(head, number, deadline))

    def _refused(
        self, outgoing: Outgoing, headers: Mapping[str, str], head: Head
    ) -> Steps[Message | None]:
        """Judge a status that is no success."""
        status = head.status
        shown = status_text(status)
        if status < HTTPStatus.BAD_REQUEST:
            location = shown_location(head.get_header("location"))
            raise ProtocolError(f"{shown} to {location}; redirects are not followed")
        body = yield from read_beginning()
        came = f"{shown}: {excerpt(body)}" if body else shown
        if status in _TURNED_AWAY:
            raise ConnectFailed(f"the server turned us away with {came}")
        if status == HTTPStatus.NOT_FOUND and "mcp-session-id" in headers:
            raise _SessionEnded
        if status in _PASSING_STATUS and not (outgoing.probe and status == _CRASHED):
            after = retry_after(head.get_header("retry-after"))
            asked = status == HTTPStatus.SERVICE_UNAVAILABLE and after is not None
            unserved = asked or status == HTTPStatus.TOO_MANY_REQUESTS
            raise Setback(came, unserved=unserved, after=after)
        message = refusal_in(body)
        if message is None and not outgoing.probe:
            raise ProtocolError(f"the server answered {came}")
        return message

    def _stream(self, head: Head, id: RequestId, deadline: Deadline) -> Steps[Message]:
        """Read events up to the answer; take a broken stream up again where that is possible."""
        events = EventStream()
        while True:
            yield from _expect_events(head)
            try:
                while (messages := (yield from next_messages(events))) is not None:
                    for message in messages:
                        if message.method is UNSET:
                            return check_answer(message, id)
                        if message.id is not UNSET:
                            yield Post(self._reply(message, deadline))
                cause = "the stream of events ended without the answer"
            except Broken as broken:
                if broken.failure is not Failure.CUT:
                    raise
                cause = broken.cause
            if self._session.modern or not events.last_id:
                raise Setback(cause)
            pause = _RECONNECT if events.retry is None else events.retry
            if pause >= deadline.left:
                raise Setback(f"{cause}; to take it up again after {pause:g} s is too late")
            yield Wait(pause)
            headers = {**self._session.headers(_RESUME), "last-event-id": events.last_id}
            head = yield Send("GET", headers, b"", deadline.left)

    def _reply(self, message: Message, deadline: Deadline) -> Send:
        """Answer a legacy server's own request: a ping is returned, all else is refused."""
        assert isinstance(message.id, int | str)
        if message.method == "ping":
            body = response(message.id, b"{}")
        else:
            refusal = f"this client has no '{message.method}'"
            body = error_response(WireError(Code.METHOD_NOT_FOUND, refusal, id=message.id))
        return Send("POST", self._session.headers(_RESUME), body, deadline.left)


def _expect_events(head: Head) -> Steps[None]:
    form = content_type(head)
    if head.status < HTTPStatus.MULTIPLE_CHOICES and form == EVENTS:
        return
    came = excerpt((yield from read_beginning())) or "no body"
    described = f"{status_text(head.status)} with content type '{form or 'none'}'"
    raise ProtocolError(f"neither JSON nor a stream of events came: {described}: {came}")
