"""What a plugin logs while a command calls it: told of if the plugin failed, and only then."""

import logging
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["plugin_log"]


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
    """Holds the records until somebody wants to read them."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self._lines.append(self.format(record))

    def explain(self, error: Exception) -> None:
        """Write the log to a file, and note on an error where it is."""
        if not self._lines:
            return
        handle, path = tempfile.mkstemp(prefix="scaffold-plugin-", suffix=".log", text=True)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in self._lines)
        error.add_note(f"what the plugin logged is in '{path}'")
