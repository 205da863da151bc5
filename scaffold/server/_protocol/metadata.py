"""What a client says of a call next to its payload: believed, or taken for a claim.

Over stdio the client is the process that has started the server. Over HTTP it may be anybody, and
`actor` or `tenant_id` would be what it likes. So only trace fields are taken there, unless the
operator or the host that has started the server says that its clients are to be trusted.
"""

from collections.abc import Mapping
from typing import Final

from scaffold._mcp.jsonrpc import RequestMeta
from scaffold.contract._context.trace_context import trace_fields
from scaffold.contract._json.types import Json, is_object

__all__ = ["trusted_metadata", "untrusted_metadata"]

_TRACE: Final = "trace_context"


def trusted_metadata(meta: RequestMeta) -> Mapping[str, Json] | None:
    """Return all metadata of a client that is trusted; `None` if there is none.

    The trace of a client that does not write our metadata stands next to it in `_meta`.
    """
    given = meta.metadata
    if meta.traceparent is None and meta.baggage is None:
        return given
    if given is not None and _TRACE in given:
        return given
    trace = _standard_trace(meta)
    return {**(given or {}), _TRACE: {**trace}} if trace else given


def untrusted_metadata(meta: RequestMeta) -> Mapping[str, Json] | None:
    """Return the trace fields that a client has sent; `None` if there are none."""
    given = meta.metadata
    if given is None and meta.traceparent is None and meta.baggage is None:
        return None
    ours = None if given is None else given.get(_TRACE)
    trace = trace_fields(ours) if is_object(ours) else _standard_trace(meta)
    return {_TRACE: {**trace}} if trace else None


def _standard_trace(meta: RequestMeta) -> dict[str, str]:
    """Return the trace fields in `_meta` (2026-07-28, SEP-414)."""
    return trace_fields(
        {
            "traceparent": meta.traceparent,
            "tracestate": meta.tracestate,
            "baggage": meta.baggage,
        }
    )
