"""Limits of connections: timeouts of requests and readers, and the number of connections."""

import math
import sys
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final

from scaffold.server._http.strict_parser import StrictHttpProtocol

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

BACKLOG: Final = 100
"""Connections that asyncio accepts in one turn of the loop, before their number is checked."""
_RESERVED_DESCRIPTORS: Final = 4 * BACKLOG + 64
"""Descriptors for the server, the plugin, and connections that are accepted before one closes."""
_MIN_CONNECTIONS: Final = 64
"""The maximum of connections is never lower than this."""


def make_room(connections: Collection[object]) -> None:
    """Close the connection that was unused for longest, if descriptors become scarce.

    If all are being served, close the stream whose client has read nothing for longest.
    """
    maximum = _max_connections()
    if len(connections) > maximum:
        protocols = [
            connection for connection in connections if isinstance(connection, StrictHttpProtocol)
        ]
        open_ = [connection for connection in protocols if not connection.transport.is_closing()]
        unserved = [connection for connection in open_ if not connection.is_serving]
        if len(open_) <= maximum:
            return
        if unserved:
            min(
                unserved, key=lambda connection: connection.waiting_since or connection.idle_since
            ).close_late()
            return
        stalled = [
            connection
            for connection in open_
            if connection.is_streaming and connection.stalled > _STALLED_AFTER
        ]
        if stalled:
            max(stalled, key=lambda connection: connection.stalled).transport.abort()


def _max_connections() -> float:
    """Return the maximum of connections, from the process's limit of descriptors."""
    if sys.platform == "win32":
        return math.inf
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return math.inf
    return max(_MIN_CONNECTIONS, soft - _RESERVED_DESCRIPTORS)


def close_overdue(protocols: Iterable[object], stream_timeout: float = math.inf) -> None:
    """Close connections that exceed a timeout, and the oldest ones above a maximum.

    Call it about once a second.

    Args:
        protocols: All connections.
        stream_timeout: Seconds in which the client of a stream must have read some of it.
    """
    now = time.monotonic()
    waiting: list[tuple[float, StrictHttpProtocol]] = []
    idle: list[tuple[float, StrictHttpProtocol]] = []
    for protocol in protocols:
        if not isinstance(protocol, StrictHttpProtocol):
            continue
        allowed = stream_timeout if protocol.is_streaming else _READ_TIMEOUT
        if protocol.seconds_without_read(now, _unread(protocol)) > allowed:
            protocol.transport.abort()  # `close` would wait until all is read
            continue
        if protocol.waiting_since is None:
            if not protocol.is_serving:
                idle.append((protocol.idle_since, protocol))
            continue
        if protocol.is_waiting_for_server:
            protocol.waiting_since = now
        waiting.append((protocol.waiting_since, protocol))
    overdue = [protocol for started, protocol in waiting if now - started > _REQUEST_TIMEOUT]
    for protocol in (*overdue, *_oldest(waiting, _MAX_WAITING), *_oldest(idle, _MAX_IDLE)):
        protocol.close_late()


def _unread(protocol: StrictHttpProtocol) -> int:
    """Return how many bytes the client has not read; 0 if the system has accepted all of them.

    On Linux the system's own buffer counts too: for a slow client it accepts more bytes only after
    a large part of this buffer was sent.
    """
    kept = protocol.transport.get_write_buffer_size()
    if not kept or sys.platform != "linux":
        return kept
    count = bytearray(4)
    with suppress(OSError, ValueError):  # closed just now
        fcntl.ioctl(protocol.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, count)
    return kept + int.from_bytes(count, sys.byteorder)


def _oldest(
    connections: list[tuple[float, StrictHttpProtocol]], maximum: int
) -> list[StrictHttpProtocol]:
    """Return the oldest connections above a maximum."""
    surplus = max(0, len(connections) - maximum)
    connections.sort(key=lambda connection: connection[0])
    return [protocol for _since, protocol in connections[:surplus]]
