"""Metadata of a call: tenant, actor, trace, request (ADR-0005).

The caller sets it in a block around its calls. Every plugin that a call reaches can read it. Over
MCP it is sent in `_meta`.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from scaffold.contract._context.call_context import (
    EMPTY_CONTEXT,
    call_context,
    current_call_context,
)
from scaffold.contract._json.types import Json


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
