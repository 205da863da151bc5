"""Turns the stderr of a plugin process into records of the host's log.

Three forms are known. Our servers write records with a level, and continue them with lines that
begin with a tab. A traceback of the interpreter is one record of level ERROR. Any other line is a
record of level INFO. Control characters are escaped, so that one line cannot look like several. A
token bucket limits the number of bytes.
"""

import logging
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from scaffold._printable import printable_line

BYTES_PER_SECOND: Final = 256 << 10
"""Bytes per second that a process may log in the long run."""
BURST_BYTES: Final = 1 << 20
"""Bytes that it may log at once."""

_MAX_LINE_BYTES: Final = 8192
"""A longer line is split."""
_MAX_RECORD_CHARS: Final = 64 << 10
"""The next line of a longer record begins a new record."""
_KEPT_LINES: Final = 20

_HEAD: Final = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL) (\S+): (.*)"
)
"""The first line of a record, as `scaffold.server._run` writes it."""
_TRACEBACK: Final = "Traceback (most recent call last):"
_ERROR_STARTS: Final = (_TRACEBACK, "Exception in thread ", "Exception ignored in")
_CHAIN_LINES: Final = (
    "During handling of the above exception",
    "The above exception was the direct cause",
)
"""The lines between the tracebacks of chained exceptions."""


class LogReader:
    """Turns bytes of one process into records of one logger. Not thread-safe."""

    def __init__(self, plugin: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Log to the logger `plugin.<name>`.

        Args:
            plugin: The name of the plugin.
            clock: Returns seconds.
        """
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)
        """The last lines, including lines that were not logged."""
        self._plugin = plugin
        self._logger = logging.getLogger(f"plugin.{plugin}")
        self._rest = b""
        self._record = _Record()
        self._budget = _Budget(clock)

    @property
    def pending(self) -> bool:
        """True if a record may continue with the next line and is not logged yet."""
        return bool(self._record.lines)

    def feed(self, data: bytes) -> None:
        """Read the next bytes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._read(line)
        if len(self._rest) >= _MAX_LINE_BYTES:
            self._read(self._rest)
            self._rest = b""

    def flush(self) -> None:
        """Log the record that could continue, because no more lines have arrived for a while."""
        record, self._record = self._record, _Record()
        if not record.lines:
            return
        text = "\n".join(record.lines)
        if self._budget.allows(len(text)):
            if self._budget.omitted_lines:
                self._log_omission()
            self._logger.log(record.level, "%s", text)
        else:
            self._budget.omitted_lines += len(record.lines)

    def close(self) -> None:
        """Log the rest at the end of the output."""
        self._read(self._rest)
        self._rest = b""
        self.flush()
        if self._budget.omitted_lines:
            self._log_omission()

    def _log_omission(self) -> None:
        self._logger.warning("%d lines of its log are left out", self._budget.omitted_lines)
        self._budget.omitted_lines = 0

    def _read(self, line: bytes) -> None:
        for start in range(0, len(line), _MAX_LINE_BYTES):
            piece = line[start : start + _MAX_LINE_BYTES]
            text = printable_line(piece.decode(errors="backslashreplace").rstrip())
            if text:
                self.lines.append(text)
                self._process_line(text)

    def _process_line(self, text: str) -> None:
        if self._record.continues_with(text):
            self._record.add(text)
            return
        self.flush()
        head = _HEAD.fullmatch(text)
        if head is not None:
            level, name, message = head.groups()
            shown = message if name == f"plugin.{self._plugin}" else f"{name}: {message}"
            self._record = _Record(logging.getLevelNamesMapping()[level], [shown], folded=True)
        elif text.startswith(_ERROR_STARTS):
            self._record = _Record(logging.ERROR, [text], traceback=True)
        else:
            self._record = _Record(logging.INFO, [text])
            self.flush()


class _Record:
    """The lines of a record that is being read."""

    def __init__(
        self,
        level: int = logging.INFO,
        lines: list[str] | None = None,
        *,
        folded: bool = False,
        traceback: bool = False,
    ) -> None:
        self.level = level
        self.lines = lines or []
        self._folded = folded
        self._traceback = traceback
        self._size = sum(map(len, self.lines))
        self._inside = traceback

    def continues_with(self, line: str) -> bool:
        """Return whether a line belongs to this record."""
        if self._size > _MAX_RECORD_CHARS:
            return False
        if self._folded:
            return line.startswith("\t")
        if not self._traceback:
            return False
        return self._inside or line.startswith((_TRACEBACK, *_CHAIN_LINES))

    def add(self, line: str) -> None:
        """Add a line that belongs to this record."""
        self._size += len(line)
        if self._folded:
            line = line[1:]
        elif line.startswith((_TRACEBACK, *_CHAIN_LINES)):
            self._inside = True
        else:
            # The first line that is not indented names the exception and ends the traceback.
            self._inside = line.startswith((" ", "\t"))
        self.lines.append(line)


class _Budget:
    """A token bucket of bytes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = float(BURST_BYTES)
        self._then = clock()
        self.omitted_lines = 0
        """Lines that were not logged since the last warning about it."""

    def allows(self, size: int) -> bool:
        """Return whether `size` bytes may be logged now, and count them if so."""
        now = self._clock()
        self._left = min(BURST_BYTES, self._left + (now - self._then) * BYTES_PER_SECOND)
        self._then = now
        if size > self._left:
            return False
        self._left -= size
        return True
