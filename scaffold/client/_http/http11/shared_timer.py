"""One timer for all requests of an event loop; one for each would cost as much as a request."""

import asyncio
from typing import Protocol


class TimerClient(Protocol):
    """A connection that waits for data."""

    due: float
    """The deadline, by the clock of the loop."""

    def on_timeout(self) -> None:
        """Called when the deadline has passed."""
        ...


class SharedTimer:
    """Calls `on_timeout` of each client whose deadline has passed."""

    def __init__(self) -> None:
        self._waiting: set[TimerClient] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0

    def add(self, client: TimerClient, loop: asyncio.AbstractEventLoop) -> None:
        """Watch a client until `remove` or its deadline."""
        self._waiting.add(client)
        if self._timer is None or client.due < self._next:
            self._set(client.due, loop)

    def remove(self, client: TimerClient) -> None:
        """Stop watching a client."""
        self._waiting.discard(client)

    def _set(self, when: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = when
        self._timer = loop.call_at(when, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for client in [client for client in self._waiting if client.due <= now]:
            self._waiting.discard(client)
            client.on_timeout()
        if self._waiting:
            self._set(min(client.due for client in self._waiting), loop)
