"""How a server writes its log to stderr: one line a record, further lines begin with a tab.

So a host, and any tool that reads logs, can tell where a record begins, and no message of a
plugin or of a client can pretend to be a record of its own.
"""

import logging
import sys

from typing_extensions import override

from scaffold._printable import printable

__all__ = ["log_to_stderr"]


class _Formatter(logging.Formatter):
    """Writes records as `2026-01-31 12:00:00,000 ERROR plugin.demo: text`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    @override
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record)).replace("\n", "\n\t")


def log_to_stderr(level: int | str) -> None:
    """Have everything that is logged in this process written to stderr, from a level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=level, handlers=[handler])
