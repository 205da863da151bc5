"""`scaffold lint`: find what is wrong with hookspecs, and how to mend it."""

import sys
from pathlib import Path

from scaffold.commands.findings import FORMATS, failed
from scaffold.generator.lint import lint_kind
from scaffold.project.kinds import hookspecs_in

__all__ = ["lint"]


def lint(path: Path, *, output_format: str) -> int:
    """Print every finding in a hookspec, or in all those of a folder; return 1 for an error."""
    hookspecs = hookspecs_in(path)
    findings = sorted(finding for each in hookspecs for finding in lint_kind(each))
    sys.stdout.writelines(f"{line}\n" for line in FORMATS[output_format](findings))
    errors = sum(failed([each]) for each in findings)
    warnings = len(findings) - errors
    sys.stderr.write(f"hookspecs: {len(hookspecs)}, errors: {errors}, warnings: {warnings}\n")
    return 1 if errors else 0
