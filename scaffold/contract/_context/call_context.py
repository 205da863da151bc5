"""The context of a call, apart from its payload: metadata, and a listener for progress.

It is a single context variable because every call reads it, and for most calls it is empty.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from scaffold.contract._json.types import Json

ProgressListener: TypeAlias = Callable[[float, float | None, str], None]
"""A function that receives the progress, the total or `None`, and a message or `""`."""


class CallContext(NamedTuple):
    """The metadata and the progress listener of the calls in a block."""

    metadata: Mapping[str, Json]
    report: ProgressListener | None
    """Receives the progress of the calls."""


EMPTY_CONTEXT: Final = CallContext(MappingProxyType({}), None)

_current: ContextVar[CallContext | None] = ContextVar("scaffold_beside", default=None)

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
