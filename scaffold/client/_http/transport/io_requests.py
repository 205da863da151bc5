"""The steps of the HTTP protocol as values, so that the protocol is written once.

The protocol is a generator of steps. A driver, blocking or not, performs each step and sends back
its result, or throws `RequestFailed` into the generator.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from scaffold._mcp.progress import Progress

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


@dataclass(frozen=True, slots=True)
class PostMessage:
    """Send a message while the response is read; ignore its outcome."""

    send: SendRequest


@dataclass(frozen=True, slots=True)
class Read:
    """Read what comes next of the response: bytes, or `None` at its end."""


@dataclass(frozen=True, slots=True)
class YieldProgress:
    """Give a message of a stream to the caller; continue when the caller wants more."""

    progress: Progress
    number: int
    """The request that it came of."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RenewSession:
    """Open a session in place of one that has ended, unless another call has done so."""

    stale_session: str
    timeout: float
    """Seconds that it may take."""


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
