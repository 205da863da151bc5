"""`scaffold diff`: what changed between two states of hookspecs, and whom it breaks."""

import json
import sys
from collections.abc import Callable, Iterator

from scaffold.commands.comparison import compared, sides
from scaffold.generator.compare import Report
from scaffold.generator.compare.render import markdown, text, to_json

__all__ = ["FORMATS", "diff"]


def _json(reports: list[Report]) -> Iterator[str]:
    yield json.dumps([to_json(each) for each in reports], indent=2, ensure_ascii=False)


def _text(reports: list[Report]) -> Iterator[str]:
    for report in reports:
        yield from text(report)


def _markdown(reports: list[Report]) -> Iterator[str]:
    for report in reports:
        yield from markdown(report)


FORMATS: dict[str, Callable[[list[Report]], Iterator[str]]] = {
    "text": _text,
    "json": _json,
    "markdown": _markdown,
}
"""Each yields the lines to print."""


def diff(old: str, new: str | None, *, against: str | None, output_format: str) -> int:
    """Print a report for every kind; whatever it says, the status is 0."""
    reports = [each.report for each in compared(*sides(old, new, against))]
    sys.stdout.writelines(f"{line}\n" for line in FORMATS[output_format](reports))
    return 0
