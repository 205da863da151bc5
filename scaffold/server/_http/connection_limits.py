"""Limits of connections: timeouts of requests and readers, and the number of connections."""

import asyncio
import math
import sys
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final, Protocol

if sys.platform != "win32":
    import fcntl
    import resource
    import termios

_REQUEST_TIMEOUT: Final = 30.0
"""Seconds from the first byte of a request to its last."""
_READ_TIMEOUT: Final = 30.0
"""Seconds in which a client must have read some of its response."""
_STALLED_AFTER: Final = 1.0
"""Seconds without a read after which a stream may be closed to make room."""
_MAX_WAITING: Final = 200
"""The maximum of connections without a complete request; the oldest are closed."""
_MAX_IDLE: Final = 500
"""The maximum of connections between requests; those idle for longest are closed."""
_MAX_BYTES_WITHOUT_PROGRESS: Final = 64 * 2**10
"""Bytes that may be read without the end of a head or a byte of a body."""

BACKLOG: Final = 100
"""Connections that asyncio accepts in one turn of the loop, before their number is checked."""
_RESERVED_DESCRIPTORS: Final = 4 * BACKLOG + 64
"""Descriptors for the server, the plugin, and connections that are accepted before one closes."""
_MIN_CONNECTIONS: Final = 64
"""The maximum of connections is never lower than this."""


class RequestProgress:
    """How far the request of a connection has been read, and since when the server waits for it."""

    __slots__ = ("bytes_without_progress", "idle_since", "in_head", "incomplete", "waiting_since")

    def __init__(self) -> None:
        self.waiting_since: float | None = time.monotonic()
        """When the connection or the incomplete request began; `None` if neither is awaited."""
        self.idle_since = self.waiting_since
        """When the last request was complete."""
        self.incomplete = False
        """True while a request has begun and is incomplete."""
        self.in_head = True
        """True until the end of the head, and between requests."""
        self.bytes_without_progress = 0
        """Bytes read since the last end of a head or byte of a body."""

    def begin(self) -> None:
        """Note that a request has begun."""
        self.waiting_since = time.monotonic()
        self.incomplete = self.in_head = True

    def end_head(self) -> None:
        """Note that the head of the request is complete."""
        self.in_head = False
        self.bytes_without_progress = 0

    def complete(self) -> None:
        """Note that the request is complete."""
        self.waiting_since = None
        self.idle_since = time.monotonic()
        self.incomplete = False
        self.in_head = True
        self.bytes_without_progress = 0

    @property
    def is_endless(self) -> bool:
        """True if the client sends bytes, and none of them ends a head or belongs to a body."""
        return self.bytes_without_progress > _MAX_BYTES_WITHOUT_PROGRESS


class ResponseProgress:
    """When the client of a connection has last read some of its response."""

    __slots__ = ("_last_read", "_unread", "stalled")

    def __init__(self) -> None:
        self._unread = 0
        """The bytes that the client had not read at the last check."""
        self._last_read = time.monotonic()
        """When the client last read some, or had nothing to read."""
        self.stalled = 0.0
        """Seconds for which the client had read nothing, at the last check."""

    def seconds_without_read(self, now: float, unread: int) -> float:
        """Record how many bytes the client has not read; return how long it has read none."""
        if unread != self._unread or not unread:
            self._unread, self._last_read = unread, now
        self.stalled = now - self._last_read
        return self.stalled


class Connection(Protocol):
    """What the limits need to know of a connection."""

    transport: asyncio.Transport
    request: RequestProgress
    response: ResponseProgress

    @property
    def is_serving(self) -> bool:
        """True while a request is being served, or waits for that."""
        ...

    @property
    def is_streaming(self) -> bool:
        """True while the response is a stream of events."""
        ...

    @property
    def is_waiting_for_server(self) -> bool:
        """True if the request waits for the server, which serves the requests before it."""
        ...

    def close_late(self) -> None:
        """Close the connection; respond with 408 if a request is incomplete."""
        ...


def are_too_many(connections: Collection[object]) -> bool:
    """Return whether a connection must be closed to make room."""
    return len(connections) > _max_connections()


def make_room(connections: Collection[Connection]) -> None:
    """Close the connection that was unused for longest, if descriptors become scarce.

    If all are being served, close the stream whose client has read nothing for longest.
    """
    open_ = [connection for connection in connections if not connection.transport.is_closing()]
    if not are_too_many(open_):
        return
    unserved = [connection for connection in open_ if not connection.is_serving]
    if unserved:
        min(unserved, key=_unused_since).close_late()
        return
    stalled = [
        connection
        for connection in open_
        if connection.is_streaming and connection.response.stalled > _STALLED_AFTER
    ]
    if stalled:
        max(stalled, key=lambda connection: connection.response.stalled).transport.abort()


def _unused_since(connection: Connection) -> float:
    return connection.request.waiting_since or connection.request.idle_since


def _max_connections() -> float:
    """Return the maximum of connections, from the process's limit of descriptors."""
    if sys.platform == "win32":
        return math.inf
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return math.inf
    return max(_MIN_CONNECTIONS, soft - _RESERVED_DESCRIPTORS)


def close_overdue(connections: Iterable[Connection], stream_timeout: float = math.inf) -> None:
    """Close connections that exceed a timeout, and the oldest ones above a maximum.

    Call it about once a second.

    Args:
        connections: All connections.
        stream_timeout: Seconds in which the client of a stream must have read some of it.
    """
    now = time.monotonic()
    waiting: list[tuple[float, Connection]] = []
    idle: list[tuple[float, Connection]] = []
    for connection in connections:
        allowed = stream_timeout if connection.is_streaming else _READ_TIMEOUT
        if connection.response.seconds_without_read(now, _unread(connection.transport)) > allowed:
            connection.transport.abort()  # `close` would wait until all is read
            continue
        request = connection.request
        if request.waiting_since is None:
            if not connection.is_serving:
                idle.append((request.idle_since, connection))
            continue
        if connection.is_waiting_for_server:
            request.waiting_since = now
        waiting.append((request.waiting_since, connection))
    overdue = [connection for started, connection in waiting if now - started > _REQUEST_TIMEOUT]
    for connection in (*overdue, *_oldest(waiting, _MAX_WAITING), *_oldest(idle, _MAX_IDLE)):
        connection.close_late()


def _unread(transport: asyncio.Transport) -> int:
    """Return how many bytes the client has not read; 0 if the system has accepted all of them.

    On Linux the system's own buffer counts too: for a slow client it accepts more bytes only after
    a large part of this buffer was sent.
    """
    kept = transport.get_write_buffer_size()
    if not kept or sys.platform != "linux":
        return kept
    count = bytearray(4)
    with suppress(OSError, ValueError):  # closed just now
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, count)
    return kept + int.from_bytes(count, sys.byteorder)


def _oldest(connections: list[tuple[float, Connection]], maximum: int) -> list[Connection]:
    """Return the oldest connections above a maximum."""
    surplus = max(0, len(connections) - maximum)
    connections.sort(key=lambda connection: connection[0])
    return [connection for _since, connection in connections[:surplus]]
