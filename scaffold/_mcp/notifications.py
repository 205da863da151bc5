"""Notifications during a call: progress, and the items of a stream, with backpressure.

A client that reads streams sends a progress token and a *window* in `_meta` of its call: the number
of bytes that the server may send ahead. The server sends each item as `notifications/progress`.
Over HTTP the connection itself applies backpressure. A pipe is shared with other calls, so the
client acknowledges what it has read, and the server continues. The result contains the number of
items.

A client that does not ask for a stream gets one result: an array of all items.
Source: MCP 2026-07-28, Progress.
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType, field

from scaffold._mcp.jsonrpc import DECODE_ERRORS, RequestId, encode, write_notification
from scaffold._mcp.tool_results import ResultPrefix, read_result
from scaffold.contract._context.call_context import ProgressListener
from scaffold.contract._errors.errors import ProtocolError
from scaffold.contract._hooks.hook import Hook


class HookReport(msgspec.Struct):
    """The progress of a stream hook; the notification's own `progress` counts messages."""

    progress: float
    total: float | None = None
    message: str | None = ""


class _ProgressMeta(msgspec.Struct):
    item: Raw | UnsetType = field(default=UNSET, name="hookspec.scaffold/item")
    report: HookReport | None = field(default=None, name="hookspec.scaffold/report")


class Progress(msgspec.Struct):
    """The parameters of one progress notification."""

    progress: float
    token: int = field(name="progressToken")
    total: float | None = None
    message: str | None = ""
    meta: _ProgressMeta | None = field(default=None, name="_meta")
    size: int = 0
    """Length of the message in bytes. It is set by `read_progress`, not by the server."""

    @property
    def item(self) -> Raw | UnsetType:
        """The item of a stream that the message carries, if it carries one."""
        return UNSET if self.meta is None else self.meta.item

    def report_to(self, report: ProgressListener | None) -> None:
        """Call the listener, if there is one, with what the hook has reported."""
        if report is not None:
            meta = self.meta
            source = self if meta is None or meta.report is None else meta.report
            report(source.progress, source.total, source.message or "")


class _Reported(msgspec.Struct):
    params: Progress


_decode_progress = msgspec.json.Decoder(_Reported).decode


def read_progress(line: bytes) -> Progress | None:
    """Decode `notifications/progress`; return `None` if it is malformed or not ours."""
    try:
        progress = _decode_progress(line).params
    except DECODE_ERRORS:
        return None
    progress.size = len(line)
    return progress


WINDOW_BYTES: Final = 1 << 18
"""Bytes that our client lets a server send ahead. One message may exceed the window."""

MORE_NOTIFICATION: Final = "notifications/hookspec.scaffold/more"
"""Acknowledges messages of a stream: `requestId`, and `taken`, the bytes read in all."""

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
    """Write message `number` of a stream: a progress report of the hook."""
    return write_notification(_PROGRESS, _REPORT % (encode(token), number, encode(report)))


def write_more_params(id: RequestId, taken: int) -> bytes:
    """Write the parameters of `MORE_NOTIFICATION`."""
    return encode({"requestId": id, "taken": taken})


def write_stream_end(count: int, head: ResultPrefix) -> bytes:
    """Write the result of a stream of which `count` items have been sent."""
    structured = b"[]" if head.modern else b'{"result":[]}'
    return b'{%b"isError":false,"content":[],"structuredContent":%b}' % (
        head.write(_END % count),
        structured,
    )


def read_stream_end(
    hook: Hook[Any, Any], result: Raw, *, received: int, modern: bool
) -> list[bytes]:
    """Return the items in a result: all items if the server does not support streams.

    Raises the `HookError` in the result, or `ProtocolError` if items are missing.
    """
    items = read_result(hook, result, is_object=False, modern=modern)
    try:
        meta = _decode_result(result).meta
        if meta is None or meta.items is None:
            return [bytes(item) for item in _decode_items(items)]
    except DECODE_ERRORS as error:
        raise ProtocolError(f"{hook.name}: not the end of a stream: {error}") from None
    if meta.items != received:
        what = f"{received} items were received, and the server sent {meta.items}"
        raise ProtocolError(f"{hook.name}: {what}")
    return []
