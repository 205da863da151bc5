"""The metadata of a call, from clients that the server trusts and from clients that it does not.

Over stdio the client is the process that has started the server, and is trusted. Over HTTP the
client is unknown and could send any `actor` or `tenant_id`. So the server accepts only trace fields
there, unless the operator trusts all clients, or requests must contain the token of the host.
"""

from collections.abc import Mapping
from typing import Final

from scaffold._mcp.jsonrpc import RequestMeta
from scaffold.contract._context.trace_context import trace_fields
from scaffold.contract._json.types import Json, is_object

_TRACE: Final = "trace_context"


def trusted_metadata(meta: RequestMeta) -> Mapping[str, Json] | None:
    """Return all metadata of a trusted client; `None` if there is none.

    Clients other than scaffold's write the trace fields directly into `_meta`.
    """
    given = meta.metadata
    if meta.traceparent is None and meta.baggage is None:
        return given
    if given is not None and _TRACE in given:
        return given
    trace = _standard_trace(meta)
    return {**(given or {}), _TRACE: {**trace}} if trace else given


def untrusted_metadata(meta: RequestMeta) -> Mapping[str, Json] | None:
    """Return only the trace fields of an untrusted client; `None` if there are none."""
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
