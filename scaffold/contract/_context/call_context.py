"""What is said of calls beside their payloads, by whoever makes them: metadata, and who listens.

It is one context variable, since every call looks at it, and most find nothing.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from scaffold.contract._json.types import Json

__all__ = [
    "EMPTY_CONTEXT",
    "CallContext",
    "ProgressListener",
    "call_context",
    "current_call_context",
]

ProgressListener: TypeAlias = Callable[[float, float | None, str], None]
"""Takes what was reported: the progress, the total if it is known, and a message or `""`."""


class CallContext(NamedTuple):
    """What goes with the calls of a block, beside their payloads."""

    metadata: Mapping[str, Json]
    report: ProgressListener | None
    """Hears of the calls' progress."""


EMPTY_CONTEXT: Final = CallContext(MappingProxyType({}), None)

_current: ContextVar[CallContext | None] = ContextVar("scaffold_beside", default=None)

current_call_context: Final = _current.get
"""Returns what goes with the calls made here; `None` if that is nothing."""


@contextmanager
def call_context(
    metadata: Mapping[str, Json] = MappingProxyType({}), report: ProgressListener | None = None
) -> Generator[None]:
    """Say something of the calls made in this block, over what was said before."""
    before = current_call_context() or EMPTY_CONTEXT
    said = CallContext(MappingProxyType({**before.metadata, **metadata}), report or before.report)
    token = _current.set(said if said.metadata or said.report else None)
    try:
        yield
    finally:
        _current.reset(token)
