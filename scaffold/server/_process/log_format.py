"""The log format of a server on stderr: one line per record; further lines begin with a tab.

So a host, or a tool that reads logs, knows where a record begins, and a message from a plugin or
client cannot imitate a record.
"""

import logging
import sys

from typing_extensions import override

from scaffold._printable import printable


class _Formatter(logging.Formatter):
    """Writes records as `2026-01-31 12:00:00,000 ERROR plugin.demo: text`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    @override
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record)).replace("\n", "\n\t")


def log_to_stderr(level: int | str) -> None:
    """Write all log records of this process to stderr, from a level upwards."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=level, handlers=[handler])
