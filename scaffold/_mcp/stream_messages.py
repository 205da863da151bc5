"""Streams over MCP: the items of a call as its progress, and what bounds how many are under way.

A client that reads streams says so in `_meta` of its call, beside a progress token: how many bytes
the server may be ahead of it. The server sends each item as a `notifications/progress`. Over HTTP
the connection itself holds the server up. On a pipe, which other calls need, the client tells what
it has taken, and the server goes on by that. The result says how many items there were.

Whoever does not ask for a stream gets one result with all items, an array.
Source: MCP 2026-07-28, Progress.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, field

from scaffold._mcp.jsonrpc import DECODE_ERRORS, RequestId, encode, write_notification
from scaffold._mcp.progress import HookReport
from scaffold._mcp.tool_results import ResultPrefix, read_result
from scaffold.contract._errors.errors import ProtocolError
from scaffold.contract._hooks.hook import Hook

__all__ = [
    "MORE_NOTIFICATION",
    "WINDOW_BYTES",
    "read_stream_end",
    "write_more_params",
    "write_stream_end",
    "write_stream_item",
    "write_stream_report",
]

WINDOW_BYTES: Final = 1 << 18
"""Bytes of messages that a client of ours lets a server be ahead; one message may go beyond."""

MORE_NOTIFICATION: Final = "notifications/hookspec.scaffold/more"
"""The client has taken more of a stream: `requestId`, and `taken`, the bytes in all."""

_ITEM: Final = b'{"progressToken":%b,"progress":%d,"_meta":{"hookspec.scaffold/item":%b}}'
_REPORT: Final = b'{"progressToken":%b,"progress":%d,"_meta":{"hookspec.scaffold/report":%b}}'
_PROGRESS: Final = "notifications/progress"
_END: Final = b'"hookspec.scaffold/items":%d'


class _Meta(msgspec.Struct):
    items: int | None = field(default=None, name="hookspec.scaffold/items")


class _Result(msgspec.Struct):
    meta: _Meta | None = field(default=None, name="_meta")


_decode_result = msgspec.json.Decoder(_Result).decode
_decode_items = msgspec.json.Decoder(list[Raw]).decode


def write_stream_item(token: RequestId, number: int, item: bytes) -> bytes:
    """Write message `number` of a stream: an item, as JSON."""
    return write_notification(_PROGRESS, _ITEM % (encode(token), number, item))


def write_stream_report(token: RequestId, number: int, report: HookReport) -> bytes:
    """Write message `number` of a stream: a report of the hook's."""
    return write_notification(_PROGRESS, _REPORT % (encode(token), number, encode(report)))


def write_more_params(id: RequestId, taken: int) -> bytes:
    """Write the parameters of `MORE_NOTIFICATION`."""
    return encode({"requestId": id, "taken": taken})


def write_stream_end(count: int, head: ResultPrefix) -> bytes:
    """Write the result of a stream of so many items that have been sent."""
    structured = b"[]" if head.modern else b'{"result":[]}'
    return b'{%b"isError":false,"content":[],"structuredContent":%b}' % (
        head.write(_END % count),
        structured,
    )


def read_stream_end(
    hook: Hook[Any, Any], result: Raw, *, received: int, modern: bool
) -> list[bytes]:
    """Return the items that a result holds: all of them if the server knows no streams.

    Raises the `HookError` it holds, or `ProtocolError` if not as many items `came` as were sent.
    """
    items = read_result(hook, result, is_object=False, modern=modern)
    try:
        meta = _decode_result(result).meta
        if meta is None or meta.items is None:
            return [bytes(item) for item in _decode_items(items)]
    except DECODE_ERRORS as error:
        raise ProtocolError(f"{hook.name}: not the end of a stream: {error}") from None
    if meta.items != received:
        what = f"{received} items came, and the server sent {meta.items}"
        raise ProtocolError(f"{hook.name}: {what}")
    return []
