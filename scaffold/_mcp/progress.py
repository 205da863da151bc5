"""What a call reports before its answer: how far it is, and the items of a stream.

Source: MCP 2026-07-28, Progress.
"""

import msgspec
from msgspec import UNSET, Raw, UnsetType, field

from scaffold._mcp.jsonrpc import MALFORMED
from scaffold.contract._context.progress import Report

__all__ = ["HookReport", "Progress", "read_progress"]


class HookReport(msgspec.Struct):
    """What the hook itself has reported, in a stream whose `progress` counts its messages."""

    progress: float
    total: float | None = None
    message: str | None = ""


class _Part(msgspec.Struct):
    item: Raw | UnsetType = field(default=UNSET, name="hookspec.scaffold/item")
    report: HookReport | None = field(default=None, name="hookspec.scaffold/report")


class Progress(msgspec.Struct):
    """What comes of a call before its answer."""

    progress: float
    token: int = field(name="progressToken")
    total: float | None = None
    message: str | None = ""
    part: _Part | None = field(default=None, name="_meta")
    size: int = 0
    """Bytes of the message; the server does not say it."""

    @property
    def item(self) -> Raw | UnsetType:
        """The item of a stream that the message carries, if it carries one."""
        return UNSET if self.part is None else self.part.item

    def tell(self, report: Report | None) -> None:
        """Tell whoever listens what the hook has reported."""
        if report is not None:
            part = self.part
            said = self if part is None or part.report is None else part.report
            report(said.progress, said.total, said.message or "")


class _Reported(msgspec.Struct):
    params: Progress


_decode_progress = msgspec.json.Decoder(_Reported).decode


def read_progress(line: bytes) -> Progress | None:
    """Read `notifications/progress`; `None` if it is malformed, or its token is not ours."""
    try:
        progress = _decode_progress(line).params
    except MALFORMED:
        return None
    progress.size = len(line)
    return progress
