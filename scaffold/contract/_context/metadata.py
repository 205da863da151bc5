"""What is known of a call beside its payload: tenant, actor, trace, request (ADR-0005).

Whoever calls says it once around the calls; every plugin that the call reaches can read it. Over
MCP it travels in `_meta`.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from scaffold.contract._context.call_context import (
    EMPTY_CONTEXT,
    call_context,
    current_call_context,
)
from scaffold.contract._json.types import Json

__all__ = ["call_metadata", "calling_with"]


def call_metadata() -> Mapping[str, Json]:
    """Return the metadata of the running call.

    The usual keys are `tenant_id`, `actor`, `quota_budget`, `trace_context` and `request_id`.
    """
    return (current_call_context() or EMPTY_CONTEXT).metadata


def calling_with(metadata: Mapping[str, Json]) -> AbstractContextManager[None]:
    """Give metadata to the calls made in this block, over what they would have had anyway.

    The values are JSON, or the calls that cross a wire fail.
    """
    return call_context(metadata)
