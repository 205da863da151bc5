"""A child's stderr, read for ever into the host's log, so that the child never waits for a reader.

Each process has one thread for this: neither a busy event loop nor an idle host stops it.
"""

import os
import threading
from typing import Final

from scaffold.client.log_reader import LogReader
from scaffold.client.stdio.process import poll

__all__ = ["ProcessLog"]

_PAUSE: Final = 50
"""Milliseconds without a further line after which a record is complete."""
_READ: Final = 65536


class ProcessLog:
    """Logs what arrives at `stderr` to the logger `plugin.<name>`, and keeps the last lines."""

    def __init__(self, stderr: int, plugin: str) -> None:
        reader = LogReader(plugin)
        self._lines = reader.lines
        self._stopped, self._stop = os.pipe()
        self._thread = threading.Thread(
            target=_drain,
            args=(stderr, self._stopped, reader),
            name=f"stderr of {plugin}",
            daemon=True,
        )
        self._thread.start()

    def tail(self, patience: float) -> str:
        """Return the last lines; waits up to `patience` seconds for the end of stderr."""
        self._thread.join(patience)
        return "\n".join(list(self._lines))

    def close(self) -> None:
        """Stop reading, even if something still holds the other end. May be called once."""
        os.close(self._stop)
        if self._thread is not threading.current_thread():
            self._thread.join()
        os.close(self._stopped)


def _drain(stderr: int, stopped: int, reader: LogReader) -> None:
    poller = poll(read=(stderr, stopped))
    while True:
        ready = [fd for fd, _event in poller.poll(_PAUSE if reader.pending else None)]
        if not ready:
            reader.flush()
            continue
        if stderr not in ready:
            break
        data = os.read(stderr, _READ)
        if not data:
            break
        reader.feed(data)
    reader.close()
