"""Progress of a running call: hooks report it, whoever waits for the call may listen.

A hook calls `report_progress` wherever it runs; nothing happens unless somebody listens. Over MCP
the reports become `notifications/progress`, if the client asked for them.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeAlias

__all__ = ["Report", "listener", "report_progress", "reporting_to"]

Report: TypeAlias = Callable[[float, float | None, str], None]
"""Takes what was reported: the progress, the total if it is known, and a message or `""`."""

_report: ContextVar[Report | None] = ContextVar("scaffold_report", default=None)


def report_progress(progress: float, total: float | None = None, message: str = "") -> None:
    """Tell whoever waits for the running hook how far it is.

    `progress` must grow from report to report, in any unit; `total` is its last value, where that
    is known; `message` is for people. Outside a call, or when nobody listens, it does nothing.
    """
    report = _report.get()
    if report is not None:
        report(progress, total, message)


listener: Final = _report.get
"""Returns what listens to the calls made here, `None` if nothing does."""


@contextmanager
def reporting_to(report: Report) -> Generator[None]:
    """Listen to the hooks called in this block, on this thread or task."""
    token = _report.set(report)
    try:
        yield
    finally:
        _report.reset(token)
