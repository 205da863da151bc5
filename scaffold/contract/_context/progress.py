"""Progress of a running call: hooks report it, whoever waits for the call may listen.

A hook calls `report_progress` wherever it runs; nothing happens unless somebody listens. Over MCP
the reports become `notifications/progress`, if the client asked for them.
"""

from contextlib import AbstractContextManager

from scaffold.contract._context.call_context import (
    EMPTY_CONTEXT,
    ProgressListener,
    call_context,
    current_call_context,
)

__all__ = ["ProgressListener", "progress_listener", "report_progress", "reporting_to"]


def report_progress(progress: float, total: float | None = None, message: str = "") -> None:
    """Tell whoever waits for the running hook how far it is.

    `progress` must grow from report to report, in any unit; `total` is its last value, where that
    is known; `message` is for people. Outside a call, or when nobody listens, it does nothing.
    """
    report = progress_listener()
    if report is not None:
        report(progress, total, message)


def progress_listener() -> ProgressListener | None:
    """Return what listens to the calls made here, `None` if nothing does."""
    return (current_call_context() or EMPTY_CONTEXT).report


def reporting_to(report: ProgressListener) -> AbstractContextManager[None]:
    """Listen to the hooks called in this block, on this thread or task."""
    return call_context(report=report)
