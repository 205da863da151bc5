"""Connections that have had their time, or are too many to have any."""

import math
import sys
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final

from scaffold.server._http.protocol.strict_parser import StrictProtocol

if sys.platform != "win32":
    import fcntl
    import resource
    import termios

__all__ = ["BACKLOG", "end_overdue", "make_room"]

_SLOWEST: Final = 30.0
"""Seconds within which a request must have come, from its first byte to its last."""
_DEAFEST: Final = 30.0
"""Seconds in which a client must have taken something of an answer that waits for it."""
_SLUGGISH: Final = 1.0
"""Seconds after which a stream whose client takes nothing may have to make room for others."""
_MOST_WAITING: Final = 200
"""Connections that are kept without a whole request; the oldest are closed."""
_MOST_IDLE: Final = 500
"""Connections that are kept between requests; those idle for longest are closed."""

BACKLOG: Final = 100
"""Connections that asyncio takes in a turn of the loop, before anybody looks how many there are."""
_RESERVED: Final = 4 * BACKLOG + 64
"""Descriptors for the server, its plugin, and connections of the turns until one is closed."""
_FEWEST: Final = 64
"""Connections that there may be in any case."""


def make_room(connections: Collection[object]) -> None:
    """End the connection that has been of no use for longest, if descriptors get scarce.

    If all are being served, that is the stream whose client has taken nothing for longest.
    """
    most = _most()
    if len(connections) > most:
        ours = [one for one in connections if isinstance(one, StrictProtocol)]
        open_ = [one for one in ours if not one.transport.is_closing()]
        useless = [one for one in open_ if not one.is_serving]
        if len(open_) <= most:
            return
        if useless:
            min(useless, key=lambda one: one.since or one.rested).end()
            return
        stalled = [one for one in open_ if one.is_streaming and one.stalled > _SLUGGISH]
        if stalled:
            max(stalled, key=lambda one: one.stalled).transport.abort()


def _most() -> float:
    """Return how many connections there may be, by what the system allows the process."""
    if sys.platform == "win32":
        return math.inf
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return math.inf
    return max(_FEWEST, soft - _RESERVED)


def end_overdue(protocols: Iterable[object], patience: float = math.inf) -> None:
    """End the connections whose client takes too long, to send or to read, and the oldest surplus.

    To be called every second or so.

    Args:
        protocols: All connections.
        patience: Seconds in which the client of a stream must have taken some of it.
    """
    now = time.monotonic()
    waiting: list[tuple[float, StrictProtocol]] = []
    idle: list[tuple[float, StrictProtocol]] = []
    for protocol in protocols:
        if not isinstance(protocol, StrictProtocol):
            continue
        allowed = patience if protocol.is_streaming else _DEAFEST
        if protocol.unread_for(now, _unread(protocol)) > allowed:
            protocol.transport.abort()  # to close it would wait until all is read
            continue
        if protocol.since is None:
            if not protocol.is_serving:
                idle.append((protocol.rested, protocol))
            continue
        if protocol.is_held:
            protocol.since = now
        waiting.append((protocol.since, protocol))
    overdue = [protocol for since, protocol in waiting if now - since > _SLOWEST]
    for protocol in (*overdue, *_oldest(waiting, _MOST_WAITING), *_oldest(idle, _MOST_IDLE)):
        protocol.end()


def _unread(protocol: StrictProtocol) -> int:
    """Return how many bytes the client has not taken, if any of them are still with us.

    Those in the hands of the system count where it says how many they are: of a slow client it
    takes more only once a good part of them is gone.
    """
    kept = protocol.transport.get_write_buffer_size()
    if not kept or sys.platform != "linux":
        return kept
    count = bytearray(4)
    with suppress(OSError, ValueError):  # closed just now
        fcntl.ioctl(protocol.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, count)
    return kept + int.from_bytes(count, sys.byteorder)


def _oldest(connections: list[tuple[float, StrictProtocol]], most: int) -> list[StrictProtocol]:
    """Return those of the connections that are too many."""
    surplus = max(0, len(connections) - most)
    connections.sort(key=lambda one: one[0])
    return [protocol for _since, protocol in connections[:surplus]]
