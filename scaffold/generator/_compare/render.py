"""A report as Markdown for a pull request, as text for a terminal, and as JSON for programs."""

from collections.abc import Iterator
from dataclasses import asdict

from scaffold.generator._compare.report import (
    Direction,
    Finding,
    Party,
    Report,
    SchemaChange,
    Verdict,
    Witness,
)
from scaffold.generator._source.canonical_json import canonical
from scaffold.generator.ir import Json

__all__ = ["markdown", "sentence", "shown", "text", "to_json"]

_LONGEST = 120
"""Characters of a value that are shown to people; programs get all of it."""


def to_json(report: Report) -> dict[str, Json]:
    """Return the whole report; version steps are `none`, `patch`, `minor` or `major`."""
    return {
        "kind": report.kind,
        "old": report.old,
        "new": report.new,
        "asks": str(report.asks),
        "made": str(report.made),
        "holds": report.holds,
        "verdicts": {party.value: report.verdict(party).value for party in Party},
        "findings": [_finding_json(finding) for finding in report.findings],
    }


def _finding_json(finding: Finding) -> dict[str, Json]:
    effects = [{**asdict(effect), "bump": str(effect.bump)} for effect in finding.effects]
    changes = [asdict(change) for change in finding.changes]
    return {
        "hook": finding.hook,
        "subject": finding.subject,
        "what": finding.what,
        "asks": str(finding.asks),
        "effects": effects,
        "changes": changes,
    }


def text(report: Report) -> Iterator[str]:
    """Yield the lines of a report for a terminal."""
    yield sentence(report)
    verdicts = (f"{party.value}: {report.verdict(party).value}" for party in Party)
    yield f"  {', '.join(verdicts)}"
    for finding in report.findings:
        yield f"  {_about(finding)}{finding.what} ({finding.asks})"
        yield from (f"    {_change(change)}" for change in finding.changes)
        for effect in finding.effects:
            yield f"    {effect.party}: {effect.verdict}, {effect.why}"
            if effect.witness is not None:
                yield f"      {shown(effect.witness)}"


def markdown(report: Report) -> Iterator[str]:
    """Yield the lines of a report for a pull request."""
    yield f"## `{report.kind}`"
    yield ""
    yield f"{sentence(report).partition(': ')[2]}."
    yield ""
    yield "| for | verdict |"
    yield "|---|---|"
    yield from (f"| {party.value} | {_bold(report.verdict(party))} |" for party in Party)
    for finding in report.findings:
        yield ""
        yield f"- {_about(finding, '`')}{finding.what} (asks for: {finding.asks})"
        yield from (f"  - {_code(_change(change))}" for change in finding.changes)
        for effect in finding.effects:
            yield f"  - {_bold(effect.verdict)} for {effect.party}: {effect.why}"
            if effect.witness is not None:
                yield f"    - {_code(shown(effect.witness))}"
    yield ""


def sentence(report: Report) -> str:
    """Say in one line what a report comes to."""
    if report.old is None:
        return f"{report.kind}: {report.new} is new"
    if report.new is None:
        return f"{report.kind}: {report.old} was removed"
    steps = f"{report.kind}: {report.old} to {report.new}"
    if not report.findings:
        return f"{steps}, nothing changed"
    made = f"a {report.made} step" if report.made else "no step"
    verdict = "" if report.holds else ", which it is not"
    return f"{steps} is {made}; the changes ask for {report.asks}{verdict}"


def shown(witness: Witness) -> str:
    """Say what a witness shows, in one line."""
    refusal = f"{witness.refused_by} refuses it: {_printable(witness.reason)}"
    return f"{witness.accepted_by} accepts {_short(witness.value)}, {refusal}"


def _about(finding: Finding, quote: str = "") -> str:
    return f"{quote}{finding.hook}{quote}: " if finding.hook else ""


def _bold(verdict: Verdict) -> str:
    return verdict.value if verdict is Verdict.COMPATIBLE else f"**{verdict.value}**"


def _change(change: SchemaChange) -> str:
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
