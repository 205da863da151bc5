"""Progress notifications: how far a call is, and the items of a stream.

Source: MCP 2026-07-28, Progress.
"""

import msgspec
from msgspec import UNSET, Raw, UnsetType, field

from scaffold._mcp.jsonrpc import DECODE_ERRORS
from scaffold.contract._context.progress import ProgressListener


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
