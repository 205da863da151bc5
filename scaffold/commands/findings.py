"""Findings as text for people, as JSON for programs, and as annotations for GitHub."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict

from scaffold.generator.diagnostics import Diagnostic

__all__ = ["FORMATS", "failed"]


def _text(findings: Iterable[Diagnostic]) -> Iterator[str]:
    yield from map(str, findings)


def _json(findings: Iterable[Diagnostic]) -> Iterator[str]:
    yield json.dumps([_record(each) for each in findings], indent=2, ensure_ascii=False)


def _record(finding: Diagnostic) -> dict[str, object]:
    mend = finding.mend
    return {**asdict(finding), "mend": None if mend is None else "safe" if mend.safe else "unsafe"}


def _github(findings: Iterable[Diagnostic]) -> Iterator[str]:
    # Workflow commands of GitHub Actions: what would end a property or a message is escaped.
    for each in findings:
        place = f"file={_property(each.file)},line={each.line},col={each.column}"
        text = f"{each.message}\n{each.help}" if each.help else each.message
        yield f"::{each.severity} {place},title={_property(each.code)}::{_message(text)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


FORMATS: dict[str, Callable[[Iterable[Diagnostic]], Iterator[str]]] = {
    "text": _text,
    "json": _json,
    "github": _github,
}
"""Each yields the lines to print."""


def failed(findings: Iterable[Diagnostic]) -> bool:
    """Tell whether one of the findings is an error; warnings do not fail."""
    return any(each.severity == "error" for each in findings)
