"""Progress of a running call: a hook reports it, and the caller may listen.

A hook calls `report_progress` in every runtime. Without a listener the call does nothing. Over MCP
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
    """Report the progress of the running hook to its caller.

    Outside of a call, or without a listener, it does nothing.

    Args:
        progress: A number that grows with each report, in any unit.
        total: The value of `progress` at the end, if it is known.
        message: A text for people.

    Example:
        for index, page in enumerate(pages):
            report_progress(index, len(pages))
    """
    report = progress_listener()
    if report is not None:
        report(progress, total, message)


def progress_listener() -> ProgressListener | None:
    """Return the listener for the calls that are made here, or `None`."""
    return (current_call_context() or EMPTY_CONTEXT).report


def reporting_to(report: ProgressListener) -> AbstractContextManager[None]:
    """Send the progress of the calls in this block, of this thread or task, to a function.

    Args:
        report: Receives the progress, the total or `None`, and the message.

    Example:
        with reporting_to(lambda done, total, message: print(done, total)):
            tool.execute(payload)
    """
    return call_context(report=report)
