"""Findings as text for people, as JSON for programs, and as annotations for GitHub."""

from collections.abc import Iterable, Iterator, Sequence

from scaffold._cli.reporting.output import print_lines, print_pretty_json
from scaffold.generator._source.diagnostics import MAX_PRINTED_FINDINGS, Diagnostic, format_findings


def _record(finding: Diagnostic) -> dict[str, object]:
    # These keys are documented in docs/cli.md: they stay, whatever the fields are called.
    fix = finding.fix
    return {
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "code": finding.code,
        "message": finding.message,
        "help": finding.hint,
        "severity": finding.severity,
        "mend": None if fix is None else "safe" if fix.safe else "unsafe",
    }


def _github(findings: Iterable[Diagnostic]) -> Iterator[str]:
    # Workflow commands of GitHub Actions: what would end a property or a message is escaped.
    for each in findings:
        place = f"file={_property(each.file)},line={each.line},col={each.column}"
        text = f"{each.message}\n{each.hint}" if each.hint else each.message
        yield f"::{each.severity} {place},title={_property(each.code)}::{_message(text)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def print_findings(findings: Sequence[Diagnostic], output_format: str) -> None:
    """Print findings as `text`, `json` or `github`."""
    match output_format:
        case "json":
            print_pretty_json([_record(each) for each in findings])
        case "github":
            print_lines(_github(findings[:MAX_PRINTED_FINDINGS]), commands=True)
        case _:
            print_lines(format_findings(findings))


def has_errors(findings: Iterable[Diagnostic]) -> bool:
    """Tell whether one of the findings is an error; warnings do not fail."""
    return any(each.severity == "error" for each in findings)
