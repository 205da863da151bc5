"""The fast path for repeated HTTP calls: templates of requests that passed all checks.

A client sends the same headers with every call of a tool, except those that belong to one call: its
length, its trace, its caller. A request whose other headers and body prefix equal those of a
checked request skips the checks. This is sound: the checks read only those headers and the prefix.
A tool whose `Mcp-Param-*` headers must agree with the payload gets no template. See
`scaffold._mcp.message_templates`.
"""

import time
from contextvars import copy_context
from typing import Final, TypeAlias

from scaffold._mcp.jsonrpc import JsonRpcError, write_error_response
from scaffold._mcp.message_templates import TemplateCache
from scaffold.server._http.head_syntax import Header
from scaffold.server._http.http_errors import status_of
from scaffold.server._protocol.tool_calls import ToolCall, ToolResponder

HeaderKey: TypeAlias = tuple[Header, ...]
"""The headers of a request, without those of one call: the key of its templates."""

_CALL_HEADERS: Final = frozenset(
    {b"content-length", b"traceparent", b"tracestate", b"baggage", b"x-request-id"}
)
"""Headers of a single call. No check reads them, apart from their length."""
_MAX_IGNORED_BYTES: Final = 8 * 2**10
_MAX_IGNORED_HEADERS: Final = 32
"""With longer or more headers than these, the size of the head has to be checked."""

_MAX_HELD_BYTES: Final = 64 * 2**10
"""The maximum size of a body on the fast path, which needs the whole body at once."""
_MAX_HEADER_KEYS: Final = 64
"""The maximum of header keys; the least recently used one is dropped for a new one."""


class _Entry:
    """The templates of requests with the same headers."""

    __slots__ = ("last_use", "templates")

    def __init__(self) -> None:
        self.templates: TemplateCache[ToolResponder] = TemplateCache("arguments")
        self.last_use = 0


class HttpTemplates:
    """The templates of calls, by the headers of their requests.

    Args:
        checks_token: True if the server checks `Authorization`, which is then part of the key.
    """

    def __init__(self, *, checks_token: bool = False) -> None:
        self._ignored = _CALL_HEADERS if checks_token else _CALL_HEADERS | {b"authorization"}
        self._entries: dict[HeaderKey, _Entry] = {}
        self._uses = 0

    def key(self, headers: list[Header]) -> HeaderKey:
        """Return the key of a request: requests with equal keys pass the same checks."""
        ignored = self._ignored
        kept = tuple([header for header in headers if header[0] not in ignored])
        # Nearly always only `Content-Length` is ignored; the parser has checked it.
        if len(headers) - len(kept) > 1 and self._ignores_too_much(headers):
            return tuple(headers)
        return kept

    def _ignores_too_much(self, headers: list[Header]) -> bool:
        """Tell whether the ignored headers may be what makes a head too long."""
        sizes = [len(value) for name, value in headers if name in self._ignored]
        return len(sizes) > _MAX_IGNORED_HEADERS or sum(sizes) > _MAX_IGNORED_BYTES

    def find(self, headers: list[Header]) -> TemplateCache[ToolResponder] | None:
        """Return the templates of requests with these headers; `None` if there are none."""
        entry = self._entries.get(self.key(headers))
        if entry is None:
            return None
        self._uses += 1
        entry.last_use = self._uses
        return entry.templates

    def remember(self, headers: list[Header], body: bytes, call: ToolCall) -> None:
        """Remember the template of a call that has passed all checks."""
        responder = call.template
        if responder is None or responder.tool.headers:
            return
        key = self.key(headers)
        entry = self._entries.get(key)
        if entry is None:
            if len(self._entries) == _MAX_HEADER_KEYS:
                del self._entries[min(self._entries, key=self._last_use)]
            entry = self._entries[key] = _Entry()
        self._uses += 1
        entry.last_use = self._uses
        entry.templates.remember(body, call.arguments, responder)

    def _last_use(self, key: HeaderKey) -> int:
        return self._entries[key].last_use


class FastRequests:
    """The requests of one connection that are held back until their bodies are complete.

    If a template matches, the response is known at once. Otherwise the protocol releases the
    request, as if it had just arrived.
    """

    def __init__(self, cache: HttpTemplates) -> None:
        self._cache = cache
        self._body = b""
        self.templates: TemplateCache[ToolResponder] | None = None
        """The templates for the request that is held back; `None` if none is."""

    def hold_back(self, headers: list[Header]) -> bool:
        """Hold a request back if its headers have templates; return whether they do."""
        self._body = b""
        self.templates = self._cache.find(headers)
        return self.templates is not None

    def add(self, body: bytes) -> bool:
        """Add a part of the body; return false if it is too long to be held back."""
        self._body += body
        return len(self._body) <= _MAX_HELD_BYTES

    def respond(self) -> tuple[int, bytes] | None:
        """Respond to the request; return the HTTP status and the body of the response.

        Returns `None` if the request needs all checks. The hook has not been called then, and the
        request is still held back.
        """
        assert self.templates is not None
        # Its own context, as a task has: variables that the plugin sets must not leak out.
        responded = copy_context().run(_respond, self._body, self.templates)
        if responded is not None:
            self.templates = None
        return responded

    def release(self) -> bytes:
        """Hold the request back no longer; return the body so far."""
        self.templates = None
        return self._body


def _respond(body: bytes, templates: TemplateCache[ToolResponder]) -> tuple[int, bytes] | None:
    """Respond on this thread, if the function is fast; see `FastRequests.respond`."""
    parts = templates.split(body)
    if parts is None:
        return None
    digits, payload, responder = parts
    if not responder.tool.speed.is_fast:
        return None
    began = time.perf_counter()
    try:
        response = responder.fast_respond(digits, payload)
    except JsonRpcError as error:
        return status_of(error), write_error_response(error, int(digits))
    if response is None:
        return None
    responder.tool.speed.record(time.perf_counter() - began)
    return 200, response
