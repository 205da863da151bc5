"""`scaffold lint`: find problems in hookspecs, print them, and fix them."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from scaffold._cli.reporting.output import (
    print_lines,
    print_message,
    print_messages,
    print_pretty_json,
)
from scaffold._project.config.errors import UsageError
from scaffold._project.config.hookspec_lookup import hookspecs_in
from scaffold.generator._lint.lint import lint_kind
from scaffold.generator._source.diagnostics import MAX_PRINTED_FINDINGS, Diagnostic, format_findings


def lint(path: Path, *, output_format: str, fix: bool, unsafe: bool, diff: bool) -> int:
    """Print every finding in a hookspec, or in all those of a folder; return 1 for an error.

    With `fix`, fixes are applied first; with `diff` they are printed, and the status is 1 if there
    are any. Raises `UsageError` for options that contradict each other.
    """
    if unsafe and not (fix or diff):
        raise UsageError("contradiction", "--unsafe changes what --fix does: add --fix or --diff")
    if fix and diff:
        raise UsageError("contradiction", "--diff writes nothing: drop --fix")
    hookspecs = hookspecs_in(path)
    if fix or diff:
        findings = _fix(path, hookspecs, unsafe=unsafe, diff=diff)
        if findings is None:
            return 1
    else:
        findings = sorted(finding for each in hookspecs for finding in lint_kind(each))
    return _report(findings, len(hookspecs), output_format)


def _fix(path: Path, hookspecs: list[Path], *, unsafe: bool, diff: bool) -> list[Diagnostic] | None:
    """Write fixes and return what is left; with `diff` print them, and return `None` if any."""
    from scaffold._project.files import file_changes
    from scaffold._project.files.atomic_write import apply_changes, locked_project
    from scaffold.generator._lint.fix import fix_hookspecs

    root = path if path.is_dir() else path.parent
    fixed = fix_hookspecs(hookspecs, unsafe=unsafe)
    changes = [
        file_changes.rewrite_text(root, file.relative_to(root).as_posix(), text)
        for file, text in sorted(fixed.texts.items())
    ]
    if diff:
        print_lines(file_changes.unified_diff(changes))
        return None if changes else fixed.remaining
    if changes:
        with locked_project(root):
            apply_changes(root, changes)
    print_messages(
        f"fixed {each.file}:{each.line}:{each.column}: {each.code}: {each.message}"
        for each in fixed.applied
    )
    return fixed.remaining


def _report(findings: Iterable[Diagnostic], count: int, output_format: str) -> int:
    findings = list(findings)
    print_findings(findings, output_format)
    errors = sum(has_errors([each]) for each in findings)
    able = sum(bool(each.fix and each.fix.safe) for each in findings)
    warnings = len(findings) - errors
    print_message(f"hookspecs: {count}, errors: {errors}, warnings: {warnings}")
    if able:
        print_message(f"'--fix' corrects {able} of them; '--diff' shows how")
    return 1 if errors else 0


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
