"""Calls that nobody waits for: by threads, in order for each plugin; or in an event loop."""

import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from scaffold.contract.failure import FAILURES
from scaffold.host.threads import Crew

if TYPE_CHECKING:
    import asyncio

__all__ = ["MOST_WAITING", "Post", "Tasks"]

Call: TypeAlias = Callable[[Any], Any]

MOST_WAITING: Final = 10_000
"""Calls that may wait for one plugin; what comes on top of them is dropped, and logged."""
_WORKERS: Final = 16


class Post:
    """Runs calls in threads of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._crew = _crew()
        self._boxes: dict[str, deque[tuple[contextvars.Context, Call, Any]]] = {}

    def send(self, plugin: str, call: Call, payload: Any) -> None:
        """Have a plugin called, after what was sent to it before. Raises nothing."""
        with self._lock:
            box = self._boxes.get(plugin)
            if box is not None and len(box) >= MOST_WAITING:
                logging.getLogger(f"plugin.{plugin}").error(
                    "plugin=%s error=a notification is dropped, %d are waiting", plugin, len(box)
                )
                return
            letter = (contextvars.copy_context(), call, payload)
            if box is not None:
                box.append(letter)
                return
            self._boxes[plugin] = deque([letter])
            self._crew.do(lambda: self._deliver(plugin))

    def close(self, seconds: float) -> None:
        """Wait until everything is delivered, or time is up; drop the rest. May be repeated."""
        deadline = time.monotonic() + seconds
        while self._boxes and time.monotonic() < deadline:
            time.sleep(0.005)
        with self._lock:
            for box in self._boxes.values():
                box.clear()
            crew, self._crew = self._crew, _crew()
        crew.close()

    def _deliver(self, plugin: str) -> None:
        while True:
            with self._lock:
                box = self._boxes[plugin]
                if not box:
                    del self._boxes[plugin]
                    return
                context, call, payload = box.popleft()
            try:
                context.run(call, payload)
            except FAILURES as error:
                logging.getLogger(f"plugin.{plugin}").warning("plugin=%s error=%s", plugin, error)


def _crew() -> Crew:
    return Crew("plugin-notify", _WORKERS)


class Tasks:
    """Calls that nobody waits for, until the host is closed."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, work: Any) -> None:
        """Start a coroutine."""
        import asyncio

        task: asyncio.Task[None] = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self, seconds: float) -> None:
        """Wait until all have ended, or time is up; cancel the rest."""
        import asyncio

        if self._running:
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel()
