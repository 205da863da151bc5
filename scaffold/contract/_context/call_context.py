"""The context of a call, apart from its payload: metadata, and a listener for progress.

Metadata are tenant, actor, trace and request (ADR-0005). The caller sets them in a block around its
calls, and every plugin that a call reaches can read them. Over MCP they are sent in `_meta`.

A hook reports progress in every runtime. Without a listener the report does nothing. Over MCP the
reports become `notifications/progress`, if the client asked for them.

It is a single context variable because every call reads it, and for most calls it is empty.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from scaffold.contract._json import Json

ProgressListener: TypeAlias = Callable[[float, float | None, str], None]
"""A function that receives the progress, the total or `None`, and a message or `""`."""


class CallContext(NamedTuple):
    """The metadata and the progress listener of the calls in a block."""

    metadata: Mapping[str, Json]
    report: ProgressListener | None
    """Receives the progress of the calls."""


EMPTY_CONTEXT: Final = CallContext(MappingProxyType({}), None)

_current: ContextVar[CallContext | None] = ContextVar("scaffold_call_context", default=None)

current_call_context: Final = _current.get
"""Returns the context of the calls that are made here, or `None` if it is empty."""


@contextmanager
def call_context(
    metadata: Mapping[str, Json] = MappingProxyType({}), report: ProgressListener | None = None
) -> Generator[None]:
    """Extend the context of the calls in this block; new metadata overrides older metadata."""
    outer = current_call_context() or EMPTY_CONTEXT
    context = CallContext(MappingProxyType({**outer.metadata, **metadata}), report or outer.report)
    token = _current.set(context if context.metadata or context.report else None)
    try:
        yield
    finally:
        _current.reset(token)


def call_metadata() -> Mapping[str, Json]:
    """Return the metadata of the running call.

    The usual keys are `tenant_id`, `actor`, `quota_budget`, `trace_context` and `request_id`.
    """
    return (current_call_context() or EMPTY_CONTEXT).metadata


def calling_with(metadata: Mapping[str, Json]) -> AbstractContextManager[None]:
    """Add metadata to the calls that are made in this block.

    Args:
        metadata: JSON values by key; they override the metadata of an outer block. With any other
            value, calls to another process fail.

    Example:
        with calling_with({"tenant_id": "acme"}):
            tool.execute(payload)
    """
    return call_context(metadata)


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
