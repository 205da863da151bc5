"""What is said of calls beside their payloads, by whoever makes them: metadata, and who listens.

It is one context variable, since every call looks at it, and most find nothing.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from scaffold.contract._json.types import Json

__all__ = ["NOTHING", "Beside", "Report", "beside", "saying"]

Report: TypeAlias = Callable[[float, float | None, str], None]
"""Takes what was reported: the progress, the total if it is known, and a message or `""`."""


class Beside(NamedTuple):
    """What goes with the calls of a block, beside their payloads."""

    metadata: Mapping[str, Json]
    report: Report | None
    """Hears of the calls' progress."""


NOTHING: Final = Beside(MappingProxyType({}), None)

_beside: ContextVar[Beside | None] = ContextVar("scaffold_beside", default=None)

beside: Final = _beside.get
"""Returns what goes with the calls made here; `None` if that is nothing."""


@contextmanager
def saying(
    metadata: Mapping[str, Json] = MappingProxyType({}), report: Report | None = None
) -> Generator[None]:
    """Say something of the calls made in this block, over what was said before."""
    before = beside() or NOTHING
    said = Beside(MappingProxyType({**before.metadata, **metadata}), report or before.report)
    token = _beside.set(said if said.metadata or said.report else None)
    try:
        yield
    finally:
        _beside.reset(token)
