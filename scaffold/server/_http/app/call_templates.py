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
from scaffold.server._protocol.tool_responses import Answers

__all__ = ["Known", "Likeness", "answer", "likeness"]

Likeness: TypeAlias = tuple[Header, ...]
"""The headers of a request to call a tool, but for the length of its body."""

_MOST: Final = 64
"""Kinds of requests that are remembered at a time."""


def likeness(headers: list[Header]) -> Likeness:
    """Return what a request has in common with others that pass the same guards."""
    return tuple([header for header in headers if header[0] != b"content-length"])


class Known:
    """The calls that have been seen, and how they are answered."""

    def __init__(self) -> None:
        self._templates: dict[Likeness, TemplateCache[Answers]] = {}

    def find(self, like: Likeness) -> TemplateCache[Answers] | None:
        """Return the known heads of the bodies that came with such headers."""
        return self._templates.get(like)

    def learn(self, like: Likeness, body: bytes, call: ToolCall) -> None:
        """Remember how a call was written that has been checked in full."""
        answers = call.repeated
        if answers is None or answers.tool.headers:
            return
        if like not in self._templates:
            if len(self._templates) == _MOST:
                self._templates.clear()
            self._templates[like] = TemplateCache("arguments")
        self._templates[like].remember(body, call.arguments, answers)


def answer(body: bytes, heads: TemplateCache[Answers]) -> tuple[int, bytes] | None:
    """Answer a call like an earlier one, on this thread: the status and the body.

    `None` if it must be looked at in full; nothing has been called then.
    """
    parts = heads.split(body)
    if parts is None:
        return None
    number, payload, answers = parts
    if not answers.tool.pace.is_trusted:
        return None
    began = time.perf_counter()
    try:
        response = answers.repeat(number, payload)
    except JsonRpcError as error:
        return status_of(error), write_error_response(error, int(number))
    if response is None:
        return None
    answers.tool.pace.took(time.perf_counter() - began)
    return 200, response
