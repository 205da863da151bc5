"""The resource `http_client`: httpx2 with timeouts, which continues the trace of the call."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from scaffold.contract._context.call_context import call_metadata
from scaffold.contract._context.telemetry import trace_fields
from scaffold.contract._json import Json, is_object
from scaffold.resources._scope import ResourceScope

if TYPE_CHECKING:
    import httpx2

_READ_TIMEOUT: Final = 30.0
"""Seconds to wait for the next byte, or for a free connection of the pool."""
_CONNECT_TIMEOUT: Final = 10.0


class NotInstalled(Exception):
    """A library is missing; the message says what to install."""


def http_client(
    loan: ResourceScope, *, awaited: bool = False, answers: Mapping[str, Json] | None = None
) -> Any:
    """Make an `httpx2.Client`, or an `httpx2.AsyncClient`.

    Args:
        loan: Closes the client.
        awaited: True for an `AsyncClient`.
        answers: JSON responses by URL. With them the client is a test double: it uses no network,
            and other URLs get the status 404.

    Raises:
        NotInstalled: httpx2 is missing.
    """
    try:
        import httpx2
    except ImportError:
        raise NotInstalled("httpx2 is not installed; install 'hookspec-scaffold[http]'") from None
    timeout = httpx2.Timeout(_READ_TIMEOUT, connect=_CONNECT_TIMEOUT)
    transport = None if answers is None else httpx2.MockTransport(_CannedResponses(answers))
    if awaited:
        waited = httpx2.AsyncClient(
            timeout=timeout, transport=transport, event_hooks={"request": [_trace_async]}
        )
        loan.awaiting(waited.aclose)
        return waited
    client = httpx2.Client(timeout=timeout, transport=transport, event_hooks={"request": [_trace]})
    return loan.enter_context(client)


def _trace(request: "httpx2.Request") -> None:
    """Send the trace of the call to the service (W3C Trace Context, W3C Baggage).

    Other metadata must not become headers: a caller could set `Authorization`.
    """
    context = call_metadata().get("trace_context")
    for name, value in trace_fields(context).items() if is_object(context) else ():
        request.headers.setdefault(name, value)


async def _trace_async(request: "httpx2.Request") -> None:
    _trace(request)


class _CannedResponses:
    """A server with fixed responses for some URLs."""

    def __init__(self, answers: Mapping[str, Json]) -> None:
        self._answers = answers

    def __call__(self, request: "httpx2.Request") -> "httpx2.Response":
        import httpx2

        url = str(request.url)
        if url not in self._answers:
            return httpx2.Response(
                404, json={"error": f"the test double has no response for {url}"}
            )
        return httpx2.Response(200, json=self._answers[url])
