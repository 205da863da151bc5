"""What is known of a call beside its payload: tenant, actor, trace, request (ADR-0005).

Whoever calls says it once around the calls; every plugin that the call reaches can read it. Over
MCP it travels in `_meta`.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

from scaffold.contract.values import Json

__all__ = ["call_metadata", "calling_with"]

_NOTHING: Final[Mapping[str, Json]] = MappingProxyType({})

_metadata: ContextVar[Mapping[str, Json]] = ContextVar("scaffold_metadata", default=_NOTHING)


def call_metadata() -> Mapping[str, Json]:
    """Return the metadata of the running call.

    The usual keys are `tenant_id`, `actor`, `quota_budget`, `trace_context` and `request_id`.
    """
    return _metadata.get()


metadata: Final = _metadata.get
"""Returns what `call_metadata` does, without a call in between."""


@contextmanager
def calling_with(metadata: Mapping[str, Json]) -> Generator[None]:
    """Give metadata to the calls made in this block, over what they would have had anyway.

    The values are JSON, or the calls that cross a wire fail.
    """
    token = _metadata.set(MappingProxyType({**_metadata.get(), **metadata}))
    try:
        yield
    finally:
        _metadata.reset(token)
