"""What a blocking host does again and again, in threads of its own, until it is closed."""

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

from scaffold._concurrency.forks import reset_after_fork

_ENDING: Final = 5.0
"""Seconds for which a thread that is at work is awaited."""


class PeriodicWork:
    """Threads that repeat work after pauses. A fork has none."""

    def __init__(self) -> None:
        self._threads: list[tuple[threading.Thread, SimpleQueue[None]]] = []
        reset_after_fork(self._forget)

    def __bool__(self) -> bool:
        return bool(self._threads)

    def repeat(self, pause: float, work: Callable[[], None]) -> None:
        """Do work again and again; `pause` is in seconds. It raises nothing."""
        # A queue and not an event: a signal handler may close the host while the code below does.
        ended: SimpleQueue[None] = SimpleQueue()

        def run() -> None:
            while True:
                try:
                    ended.get(timeout=pause)
                except Empty:
                    work()
                else:
                    return

        thread = threading.Thread(target=run, name="plugin-watch", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            logging.getLogger("scaffold").warning(
                "plugins are not looked after until the next start or load: %s", error
            )
            return
        self._threads.append((thread, ended))

    def end(self) -> None:
        """Have the threads end after what they do."""
        for _, ended in self._threads:
            ended.put(None)

    def join(self) -> None:
        """Wait for their end, for a bounded time."""
        for thread, _ in self._threads:
            if thread is not threading.current_thread():
                thread.join(_ENDING)

    def _forget(self) -> None:
        self._threads = []
