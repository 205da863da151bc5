"""From an exception to a message on stderr and an exit status: the only place that does it."""

import os
import platform
import sys
import tempfile
import traceback

from scaffold._cli.reporting.output import print_message, print_messages
from scaffold._project.config.errors import PreconditionError, UsageError
from scaffold.contract._errors.errors import (
    InvalidInput,
    ManifestInvalid,
    RuntimeNotSupported,
    ScaffoldError,
)
from scaffold.generator._schema.samples.sample_values import NoSampleError
from scaffold.generator._source.diagnostics import SpecError

STATUS: tuple[tuple[type[Exception], int], ...] = (
    (SpecError, 1),
    (NoSampleError, 1),
    (InvalidInput, 1),
    (UsageError, 2),
    (PreconditionError, 4),
    (ManifestInvalid, 4),
    (RuntimeNotSupported, 4),
    (ScaffoldError, 5),
)
"""The first row that fits counts; whatever is in no row is a bug of ours."""


def report_error(error: Exception) -> int:
    """Say on stderr what went wrong, and return the exit status."""
    for family, status in STATUS:
        if isinstance(error, family):
            print_error(error)
            return status
    print_message(f"error: {_in_one_line(error)}; details are in '{_log(error)}'")
    return 70


def print_error(error: Exception) -> None:
    """Write an error to stderr, with the help that was noted on it."""
    print_message(str(error))
    print_messages(f"  help: {note}" for note in getattr(error, "__notes__", ()))


def _in_one_line(error: Exception) -> str:
    return " ".join(f"a bug in scaffold: {type(error).__name__}: {error}".split())


def _log(error: Exception) -> str:
    handle, path = tempfile.mkstemp(prefix="scaffold-", suffix=".log", text=True)
    with os.fdopen(handle, "w", encoding="utf-8") as log:
        log.write(f"scaffold {sys.argv[1:]}\nPython {sys.version}\n{platform.platform()}\n\n")
        log.writelines(traceback.format_exception(error))
    return path
