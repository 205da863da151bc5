"""Requests like an earlier one: the same headers, and a body with a known head.

A client sends the same headers with every call of a tool, but for the length of the body. Where
they and the head of the body are those of a request that was checked in full, all that was checked
holds for this one too: the guards look at headers alone, and a tool whose `Mcp-Param-*` headers
would have to agree with the payload is not learned. See `scaffold._mcp.message_templates`.
"""

import time
from typing import Final, TypeAlias

from scaffold._mcp.jsonrpc import JsonRpcError, write_error_response
from scaffold._mcp.message_templates import TemplateCache
from scaffold.server._http.edge.head_checks import Header
from scaffold.server._http.edge.http_errors import status_of
from scaffold.server._protocol.tool_calls import ToolCall
from scaffold.server._protocol.tool_responses import ToolResponder

__all__ = ["HeaderKey", "HttpTemplates", "fast_respond", "header_key"]

HeaderKey: TypeAlias = tuple[Header, ...]
"""The headers of a request to call a tool, but for the length of its body."""

_MAX_HEADER_KEYS: Final = 64
"""Kinds of requests that are remembered at a time."""


def header_key(headers: list[Header]) -> HeaderKey:
    """Return what a request has in common with others that pass the same guards."""
    return tuple([header for header in headers if header[0] != b"content-length"])


class HttpTemplates:
    """The calls that have been seen, and how they are answered."""

    def __init__(self) -> None:
        self._templates: dict[HeaderKey, TemplateCache[ToolResponder]] = {}

    def find(self, key: HeaderKey) -> TemplateCache[ToolResponder] | None:
        """Return the known heads of the bodies that came with such headers."""
        return self._templates.get(key)

    def remember(self, key: HeaderKey, body: bytes, call: ToolCall) -> None:
        """Remember how a call was written that has been checked in full."""
        responder = call.template
        if responder is None or responder.tool.headers:
            return
        if key not in self._templates:
            if len(self._templates) == _MAX_HEADER_KEYS:
                self._templates.clear()
            self._templates[key] = TemplateCache("arguments")
        self._templates[key].remember(body, call.arguments, responder)


def fast_respond(body: bytes, templates: TemplateCache[ToolResponder]) -> tuple[int, bytes] | None:
    """Answer a call like an earlier one, on this thread: the status and the body.

    `None` if it must be looked at in full; nothing has been called then.
    """
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
