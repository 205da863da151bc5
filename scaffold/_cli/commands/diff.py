"""`scaffold diff`: what changed between two states of hookspecs, and what it breaks."""

from collections.abc import Callable, Iterator
from typing import Final

from scaffold._cli.reporting.hookspec_states import compare_states, states_to_compare
from scaffold._cli.reporting.output import print_lines, print_pretty_json
from scaffold.generator._compare import Report
from scaffold.generator._compare.render import markdown_lines, text_lines, to_json

_TEXTS: Final[dict[str, Callable[[Report], Iterator[str]]]] = {
    "text": text_lines,
    "markdown": markdown_lines,
}


def print_reports(reports: list[Report], output_format: str) -> None:
    """Print reports as `text`, `markdown` or `json`."""
    if output_format == "json":
        print_pretty_json([to_json(each) for each in reports])
        return
    for report in reports:
        print_lines(_TEXTS[output_format](report))


def diff(old: str, new: str | None, *, against: str | None, output_format: str) -> int:
    """Print a report for every kind; whatever it says, the status is 0."""
    print_reports(
        [each.report for each in compare_states(*states_to_compare(old, new, against))],
        output_format,
    )
    return 0
