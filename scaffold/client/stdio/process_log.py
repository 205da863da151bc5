"""A child's stderr, read for ever into the host's log, so that the child never waits for a reader.

Each process has one thread for this: neither a busy event loop nor an idle host stops it.
"""

import logging
import os
import threading
from collections import deque
from typing import Final

from scaffold.client.stdio.process import poll

__all__ = ["ProcessLog"]

_KEPT_LINES: Final = 20
_LONGEST_LINE: Final = 8192
"""Bytes; a longer line is logged in pieces."""
_READ: Final = 65536


class ProcessLog:
    """Logs what arrives at `stderr` to the logger `plugin.<name>`, and keeps the last lines."""

    def __init__(self, stderr: int, plugin: str) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._stopped, self._stop = os.pipe()
        self._thread = threading.Thread(
            target=_drain,
            args=(stderr, self._stopped, logging.getLogger(f"plugin.{plugin}"), self._lines),
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


def _drain(stderr: int, stopped: int, logger: logging.Logger, lines: deque[str]) -> None:
    poller = poll(read=(stderr, stopped))
    rest = b""
    while True:
        ready = [fd for fd, _event in poller.poll()]
        if stderr not in ready:
            break
        data = os.read(stderr, _READ)
        if not data:
            break
        *whole, rest = (rest + data).split(b"\n")
        if len(rest) >= _LONGEST_LINE:
            whole.append(rest)
            rest = b""
        _log(whole, logger, lines)
    _log([rest], logger, lines)


def _log(found: list[bytes], logger: logging.Logger, lines: deque[str]) -> None:
    for line in found:
        for start in range(0, len(line), _LONGEST_LINE):
            text = line[start : start + _LONGEST_LINE].decode(errors="backslashreplace").rstrip()
            if text:
                lines.append(text)
                logger.info("%s", text)
