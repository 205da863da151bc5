"""A report as Markdown for a pull request, as text for a terminal, and as JSON for programs."""

from collections.abc import Iterator
from dataclasses import asdict

from scaffold.generator._compare.report import (
    ContractChange,
    Direction,
    Party,
    Report,
    SchemaChange,
    Verdict,
    Witness,
)
from scaffold.generator._source.json_values import canonical
from scaffold.generator.ir import Json

_LONGEST = 120
"""Characters of a value that are shown to people; programs get all of it."""


def to_json(report: Report) -> dict[str, Json]:
    """Return the whole report; version steps are `none`, `patch`, `minor` or `major`."""
    return {
        "kind": report.kind,
        "old": report.old,
        "new": report.new,
        "asks": str(report.required_bump),
        "made": str(report.actual_bump),
        "holds": report.is_sufficient,
        "verdicts": {party.value: report.verdict(party).value for party in Party},
        "findings": [_change_json(change) for change in report.changes],
    }


def _change_json(change: ContractChange) -> dict[str, Json]:
    effects = [{**asdict(effect), "bump": str(effect.bump)} for effect in change.effects]
    changes = [asdict(each) for each in change.schema_changes]
    return {
        "hook": change.hook,
        "subject": change.subject,
        "what": change.what,
        "asks": str(change.required_bump),
        "effects": effects,
        "changes": changes,
    }


def text_lines(report: Report) -> Iterator[str]:
    """Yield the lines of a report for a terminal."""
    yield summary_line(report)
    verdicts = (f"{party.value}: {report.verdict(party).value}" for party in Party)
    yield f"  {', '.join(verdicts)}"
    for change in report.changes:
        yield f"  {_about(change)}{change.what} ({change.required_bump})"
        yield from (f"    {_schema_change(each)}" for each in change.schema_changes)
        for effect in change.effects:
            yield f"    {effect.party}: {effect.verdict}, {effect.why}"
            if effect.witness is not None:
                yield f"      {witness_line(effect.witness)}"


def markdown_lines(report: Report) -> Iterator[str]:
    """Yield the lines of a report for a pull request."""
    yield f"## `{report.kind}`"
    yield ""
    yield f"{summary_line(report).partition(': ')[2]}."
    yield ""
    yield "| for | verdict |"
    yield "|---|---|"
    yield from (f"| {party.value} | {_bold(report.verdict(party))} |" for party in Party)
    for change in report.changes:
        yield ""
        yield f"- {_about(change, '`')}{change.what} (asks for: {change.required_bump})"
        yield from (f"  - {_code(_schema_change(each))}" for each in change.schema_changes)
        for effect in change.effects:
            yield f"  - {_bold(effect.verdict)} for {effect.party}: {effect.why}"
            if effect.witness is not None:
                yield f"    - {_code(witness_line(effect.witness))}"
    yield ""


def summary_line(report: Report) -> str:
    """Say in one line what a report comes to."""
    if report.old is None:
        return f"{report.kind}: {report.new} is new"
    if report.new is None:
        return f"{report.kind}: {report.old} was removed"
    steps = f"{report.kind}: {report.old} to {report.new}"
    if not report.changes:
        return f"{steps}, nothing changed"
    made = f"a {report.actual_bump} step" if report.actual_bump else "no step"
    verdict = "" if report.is_sufficient else ", which it is not"
    return f"{steps} is {made}; the changes ask for {report.required_bump}{verdict}"


def witness_line(witness: Witness) -> str:
    """Say what a witness shows, in one line."""
    refusal = f"{witness.refused_by} refuses it: {_printable(witness.reason)}"
    return f"{witness.accepted_by} accepts {_short(witness.value)}, {refusal}"


def _about(change: ContractChange, quote: str = "") -> str:
    return f"{quote}{change.hook}{quote}: " if change.hook else ""


def _bold(verdict: Verdict) -> str:
    return verdict.value if verdict is Verdict.COMPATIBLE else f"**{verdict.value}**"


def _schema_change(change: SchemaChange) -> str:
    where = change.pointer or "/"
    if change.before is None:
        what = f"added {_short(change.after)}"
    elif change.after is None:
        what = f"removed {_short(change.before)}"
    else:
        what = f"{_short(change.before)} -> {_short(change.after)}"
    said = "" if change.direction is Direction.SAME else f"{change.direction.value}: "
    return f"{where}: {said}{what}"


def _short(value: Json) -> str:
    written = _printable(canonical(value))
    return written if len(written) <= _LONGEST else f"{written[: _LONGEST - 1]}…"


def _printable(text: str) -> str:
    """Escape what would end a line or move the cursor: names and values are other people's."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _code(line: str) -> str:
    """Write a line as code in Markdown, whatever quotes it holds."""
    fence = "`" * (1 + max((len(run) for run in _runs(line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def _runs(line: str) -> list[str]:
    return [run for run in "".join(c if c == "`" else " " for c in line).split(" ") if run]
