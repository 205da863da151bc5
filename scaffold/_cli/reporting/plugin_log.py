"""What a plugin logs while a command calls it: shown if the plugin failed, and only then."""

import logging
import os
import tempfile
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from typing_extensions import override

from scaffold._cli.reporting.output import print_message
from scaffold._printable import printable
from scaffold.contract._errors.errors import InternalError

_KEPT: Final = 1000
"""Records that are kept; a plugin that floods its log does not fill the memory."""
_SHOWN: Final = 8192
"""Characters of a traceback that are shown: its end, which says most."""


@contextmanager
def plugin_log() -> Generator["PluginLog"]:
    """Keep the log of every plugin, in this process or another, for the time of a command."""
    logger = logging.getLogger("plugin")
    log = PluginLog()
    logger.addHandler(log)
    logger.propagate, propagated = False, logger.propagate
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield log
    finally:
        logger.removeHandler(log)
        logger.propagate = propagated
        logger.setLevel(level)


class PluginLog(logging.Handler):
    """Holds the last records until a command needs them."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        self._records: deque[str] = deque(maxlen=_KEPT)
        self._left_out = 0

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._left_out += len(self._records) == _KEPT
        self._records.append(printable(self.format(record)))

    def explain(self, error: InternalError) -> None:
        """Show the traceback of an exception; write the whole log to a file, noted on the error."""
        if not self._records:
            return
        mark = str(error.data["id"])
        shown = next((record for record in self._records if mark in record), None)
        if shown is not None:
            print_message(shown if len(shown) <= _SHOWN else f"…{shown[-_SHOWN:]}")
        error.add_note(f"the whole log of the plugin is in '{self._written()}'")

    def _written(self) -> str:
        handle, path = tempfile.mkstemp(prefix="scaffold-plugin-", suffix=".log", text=True)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if self._left_out:
                file.write(f"({self._left_out} earlier records are left out)\n")
            file.writelines(f"{record}\n" for record in self._records)
        return path
