"""Calls that nobody waits for: in order for each plugin, the plugins side by side."""

import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

from scaffold.contract.failure import FAILURES

__all__ = ["MOST_WAITING", "Post"]

Call: TypeAlias = Callable[[Any], Any]

MOST_WAITING: Final = 10_000
"""Calls that may wait for one plugin; what comes on top of them is dropped, and logged."""
_WORKERS: Final = 16


class Post:
    """Runs calls in threads of its own, started when they are first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._boxes: dict[str, deque[tuple[contextvars.Context, Call, Any]]] = {}

    def send(self, plugin: str, call: Call, payload: Any) -> None:
        """Have a plugin called, after what was sent to it before. Raises nothing."""
        with self._lock:
            self._pool = self._pool or ThreadPoolExecutor(_WORKERS, "plugin-notify")
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
            self._pool.submit(self._deliver, plugin)

    def close(self, seconds: float) -> None:
        """Wait until everything is delivered, or time is up; drop the rest. May be repeated."""
        deadline = time.monotonic() + seconds
        while self._boxes and time.monotonic() < deadline:
            time.sleep(0.005)
        with self._lock:
            for box in self._boxes.values():
                box.clear()
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

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
