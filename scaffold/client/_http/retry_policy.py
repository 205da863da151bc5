"""What a failed attempt means: whether a request is retried, and after which delay.

A request that surely was not worked on may always be sent again; any other only if doing it twice
is as good as once. Pauses grow and are drawn at random, so that clients of a server in trouble
do not come back in step. One deadline covers all of it.
Source: RFC 9110 §9.2.2, §10.2.3.
"""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final

from scaffold._mcp.jsonrpc import Message
from scaffold.client._http.response_parsing import (
    excerpt,
    parse_refusal,
    read_beginning,
    shown_location,
    status_text,
)
from scaffold.client._http.transport.io_requests import Failure, RequestFailed, ResponseHead, Steps
from scaffold.client._protocol.session import OutgoingMessage
from scaffold.contract._errors.errors import (
    ConnectFailed,
    DeadlineExceeded,
    ProtocolError,
    TransportError,
)

_MAX_ATTEMPTS: Final = 4
_FIRST_PAUSE: Final = 0.1
_MAX_PAUSE: Final = 5.0
_MAX_ABSENCE_PAUSE: Final = 0.5
"""Seconds between two looks for a server that is not there."""
_MIN_ATTEMPT: Final = 0.02
"""Seconds that a try must have left: else the error says that it is late, not what is wrong."""

_ACCESS_DENIED: Final = frozenset({401, 403, 407})
_TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})
_SERVER_ERROR: Final = 500

_MEANING_OF_FAILURES: Final[dict[Failure, dict[str, Any]]] = {
    Failure.UNSENT: {
        "error": ConnectFailed,
        "is_transient": True,
        "not_processed": True,
        "unreachable": True,
    },
    Failure.UNREACHABLE: {"error": ConnectFailed},
    Failure.UNTRUSTED: {"error": ConnectFailed},
    Failure.CUT: {"error": TransportError, "is_transient": True, "means_no_answer": True},
    Failure.LATE: {"error": DeadlineExceeded, "means_no_answer": True},
    Failure.GARBLED: {"error": ProtocolError},
    Failure.CLOSED: {"error": ConnectFailed},
}
"""What a break means for the next try."""

_random = random.SystemRandom()


class Deadline:
    """A point in time by which everything must be over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        """What was allowed in all."""
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, never less than none."""
        return max(0.0, self._end - time.monotonic())


@dataclass(eq=False)
class AttemptFailed(Exception):
    """One failed attempt, and what it means for a retry."""

    cause: str
    error: type[TransportError]
    """The error to raise if there is no retry."""
    is_transient: bool = False
    """True if another try may go better."""
    not_processed: bool = False
    """True if the server surely did not begin to work on the request."""
    unreachable: bool = False
    """True if no server was there: it may be about to start."""
    means_no_answer: bool = False
    """True if it is as good as no answer."""
    retry_after_seconds: float | None = None
    """Seconds that the server asked to be left alone for."""
    stale_session: str = ""
    """The session that has to be replaced first."""


class RetryPolicy:
    """The tries of one request."""

    def __init__(
        self, what: str, deadline: Deadline, *, repeatable: bool, reconnect_timeout: float = 0.0
    ) -> None:
        self._what = what
        self._deadline = deadline
        self._repeatable = repeatable
        self._absence = Deadline(reconnect_timeout)
        """How long a server that is not there is looked for, however often."""
        self._causes: list[str] = []

    def pause(self, setback: AttemptFailed) -> float:
        """Return the seconds to wait before the next try; raise the error if there is none."""
        self._causes.append(setback.cause)
        tries = len(self._causes)
        if not setback.is_transient:
            raise setback.error(self._text(""))
        if not (setback.not_processed or self._repeatable):
            raise setback.error(self._text("not tried again: the hook is not idempotent"))
        if tries >= _MAX_ATTEMPTS and not (setback.unreachable and self._absence.left):
            raise setback.error(self._text("given up"))
        most = _MAX_ABSENCE_PAUSE if setback.unreachable else _MAX_PAUSE
        longest = min(most, _FIRST_PAUSE * 2 ** min(tries - 1, _MAX_ATTEMPTS))
        pause = (
            _random.uniform(0, longest)
            if setback.retry_after_seconds is None
            else setback.retry_after_seconds
        )
        allowed = self._deadline.seconds
        if pause + _MIN_ATTEMPT > self._deadline.left:
            reason = f"a pause of {pause:.3g} s would exceed the {allowed:.3g} s allowed"
            raise setback.error(self._text(reason))
        return pause

    def _text(self, reason: str) -> str:
        """Tell what was tried, in the order in which it went wrong."""
        causes = ", then ".join(cause for cause, _group in groupby(self._causes))
        tries = len(self._causes)
        count = f"tried {tries} times" if tries > 1 else ""
        notes = ", ".join(note for note in (count, reason) if note)
        return f"{self._what}: {causes} ({notes})" if notes else f"{self._what}: {causes}"


def attempt_failed(error: ProtocolError | RequestFailed, deadline: Deadline) -> AttemptFailed:
    """Return what an error means for the next attempt."""
    if isinstance(error, ProtocolError):
        return AttemptFailed(str(error), ProtocolError, means_no_answer=True)
    late = f" ({deadline.seconds:.3g} s)" if error.failure is Failure.LATE else ""
    return AttemptFailed(error.cause + late, **_MEANING_OF_FAILURES[error.failure])


def read_refusal(
    outgoing: OutgoingMessage, headers: Mapping[str, str], head: ResponseHead
) -> Steps[Message | None]:
    """Read a response of status 300 or more: raise what it means, or return its JSON-RPC error."""
    status = head.status
    shown = status_text(status)
    if status < HTTPStatus.BAD_REQUEST:
        location = shown_location(head.get_header("location"))
        raise ProtocolError(f"{shown} to {location}; redirects are not followed")
    body = yield from read_beginning()
    came = f"{shown}: {excerpt(body)}" if body else shown
    if status in _ACCESS_DENIED:
        raise AttemptFailed(f"the server turned us away with {came}", ConnectFailed)
    stale_session = headers.get("mcp-session-id", "")
    if status == HTTPStatus.NOT_FOUND and stale_session:
        ended = "the server does not know the session"
        raise AttemptFailed(
            ended,
            ProtocolError,
            is_transient=True,
            not_processed=True,
            retry_after_seconds=0,
            stale_session=stale_session,
        )
    if status in _TRANSIENT and not (outgoing.is_probe and status == _SERVER_ERROR):
        retry_after_seconds = _retry_after(head.get_header("retry-after"))
        asked = status == HTTPStatus.SERVICE_UNAVAILABLE and retry_after_seconds is not None
        not_processed = asked or status == HTTPStatus.TOO_MANY_REQUESTS
        raise AttemptFailed(
            came,
            TransportError,
            is_transient=True,
            not_processed=not_processed,
            retry_after_seconds=retry_after_seconds,
        )
    message = parse_refusal(body)
    if message is None and not outgoing.is_probe:
        raise ProtocolError(f"the server answered {came}")
    return message


def _retry_after(value: str | None) -> float | None:
    """Return the seconds that a `Retry-After` header asks for; `None` without a usable one."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
