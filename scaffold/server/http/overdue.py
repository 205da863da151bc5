"""Connections that have had their time: the server looks at all of them once a second."""

import time
from collections.abc import Iterable
from typing import Final

from scaffold.server.http.parser import StrictProtocol

__all__ = ["end_overdue"]

_SLOWEST: Final = 30.0
"""Seconds within which a request must have come, from its first byte to its last."""
_MOST_WAITING: Final = 200
"""Connections that are kept without a whole request; the oldest are closed."""
_MOST_IDLE: Final = 500
"""Connections that are kept between requests; those idle for longest are closed."""


def end_overdue(protocols: Iterable[object]) -> None:
    """End the connections whose request takes too long, and the oldest of too many."""
    now = time.monotonic()
    waiting: list[tuple[float, StrictProtocol]] = []
    idle: list[tuple[float, StrictProtocol]] = []
    for protocol in protocols:
        if not isinstance(protocol, StrictProtocol):
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


def _oldest(connections: list[tuple[float, StrictProtocol]], most: int) -> list[StrictProtocol]:
    """Return those of the connections that are too many."""
    surplus = max(0, len(connections) - most)
    connections.sort(key=lambda one: one[0])
    return [protocol for _since, protocol in connections[:surplus]]
