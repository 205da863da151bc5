"""Requests as values: the steps of the HTTP protocol, and how a request fails.

The protocol is a generator of steps. A driver, blocking or not, performs each step and sends back
its result, or throws `RequestFailed` into the generator. So the protocol is written once.
"""

import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from errno import EBADF
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from scaffold._concurrency.forks import INHERITED_CONNECTION
from scaffold._mcp.notifications import Progress
from scaffold.client._http.transport.server_address import ServerAddress

T = TypeVar("T")


class ResponseHead(Protocol):
    """The status and the headers of a response."""

    @property
    def status(self) -> int:
        """The status code."""
        ...

    def get_header(self, key: str) -> str | None:
        """Return a header's value, `None` without one."""
        ...


@dataclass(slots=True)
class SendRequest:
    """Send a request and leave the response before it. The driver sends back a `ResponseHead`."""

    method: str
    headers: Mapping[str, str]
    body: bytes
    timeout: float
    """Seconds until the response must be complete."""


class PostMessage(NamedTuple):
    """Send a message while the response is read; ignore its outcome."""

    send: SendRequest


class Read(NamedTuple):
    """Read what comes next of the response: bytes, or `None` at its end."""


class YieldProgress(NamedTuple):
    """Give a message of the stream of request `number`; continue when the caller wants more."""

    progress: Progress
    number: int


class Wait(NamedTuple):
    """Wait for some seconds."""

    seconds: float


class RenewSession(NamedTuple):
    """Open a session in place of one that has ended, unless another call has done so.

    `timeout` is in seconds.
    """

    stale_session: str
    timeout: float


@dataclass(slots=True)
class Done(Generic[T]):
    """The end of the protocol, with its result."""

    value: T


READ: Final = Read()

Step: TypeAlias = SendRequest | PostMessage | Read | YieldProgress | Wait | RenewSession | Done[Any]
Steps: TypeAlias = Generator[Step, Any, T]


class Failure(Enum):
    """The point at which a request failed."""

    UNSENT = auto()
    """Nothing of it reached the server."""
    UNREACHABLE = auto()
    """This process cannot reach the server."""
    UNTRUSTED = auto()
    """The server's certificate is not trusted."""
    CUT = auto()
    """The connection ended before the response did."""
    LATE = auto()
    """The response was not complete in time."""
    GARBLED = auto()
    """The response is not HTTP."""
    CLOSED = auto()
    """The channel was closed."""


class RequestFailed(Exception):
    """A request failed before its response was complete."""

    def __init__(self, failure: Failure, cause: str) -> None:
        super().__init__(cause)
        self.failure = failure
        self.cause = cause


def resume_reading(steps: Steps[None], response: ResponseHead, first: bytes) -> Step:
    """Begin to read a response of which something has been read already."""
    step = steps.send(response)
    return steps.send(first) if first and isinstance(step, Read) else step


_MAX_ENTRIES: Final = 64


class RequestCache(Generic[T]):
    """Caches a value for each method, headers and timeout. A session has few of them."""

    def __init__(self, make: Callable[[SendRequest], T]) -> None:
        self._make = make
        self._known: dict[int, tuple[Mapping[str, str], str, float, T]] = {}
        """By the identity of the headers, which stays theirs for as long as they are kept here."""

    def get(self, send: SendRequest) -> T:
        """Return what was made for such a request, or make it."""
        known = self._known.get(id(send.headers))
        if known is None or known[1] != send.method or known[2] != send.timeout:
            if len(self._known) >= _MAX_ENTRIES:
                self._known.clear()
            known = send.headers, send.method, send.timeout, self._make(send)
            self._known[id(send.headers)] = known
        return known[3]


CONNECT_TIMEOUT: Final = 10.0
"""Seconds that opening a connection may take."""
IDLE_TIMEOUT: Final = 4.0
"""Seconds after which a connection is not used again: servers drop idle ones too (uvicorn's 5)."""
MAX_READ_BYTES: Final = 2**16
"""Bytes that are read at once."""


def check_no_proxy(address: ServerAddress) -> None:
    """Raise `RequestFailed` if a server can only be reached through a proxy."""
    if address.needs_proxy:
        reason = (
            "a proxy is asked for by the environment, and a forked process cannot use one; "
            "open the channel after the fork, or name the host in NO_PROXY"
        )
        raise RequestFailed(Failure.UNREACHABLE, reason)


def not_sent(error: OSError) -> RequestFailed:
    """Return the failure of a request for which no connection could be opened."""
    return RequestFailed(Failure.UNSENT, _cause(error))


def connection_broken(error: OSError) -> RequestFailed:
    """Return the failure of a request whose connection broke, or belongs to the parent."""
    if error.errno == EBADF:
        return RequestFailed(Failure.CUT, INHERITED_CONNECTION)
    return RequestFailed(Failure.CUT, _cause(error))


def timed_out() -> RequestFailed:
    """Return the failure of a request whose deadline passed."""
    return RequestFailed(Failure.LATE, "no answer came in time")


def channel_closed() -> RequestFailed:
    """Return the failure of a request on a channel that was closed."""
    return RequestFailed(Failure.CLOSED, "the channel is closed")


def _cause(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no connection could be opened in time"
    # The loop's own errors have a text of its own, and names have errors below zero.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)
