"""Fix hookspecs until no fix is left: each fix may make another one possible."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaffold.generator._hookspec.folders import require_inside
from scaffold.generator._lint.lint import lint_kind
from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator._source.source_text import read_text
from scaffold.generator._source.text_edits import EditedText, apply_fix, edited_files

_ROUNDS = 50
"""Rounds before giving up. A schema of draft 4 needs three or four; two fixes that undo each other
would go on without an end."""


@dataclass
class FixResult:
    """The result of fixing hookspecs."""

    texts: dict[Path, str] = field(default_factory=dict[Path, str])
    """The new texts of the files that change."""
    applied: list[Diagnostic] = field(default_factory=list[Diagnostic])
    remaining: list[Diagnostic] = field(default_factory=list[Diagnostic])


def fix_hookspecs(hookspecs: Iterable[Path], *, unsafe: bool) -> FixResult:
    """Apply fixes to the texts of hookspecs; no file is written.

    Versions of a kind share their schemas, so those in one folder are fixed together. With
    `unsafe`, fixes that change which values a schema accepts are applied too.
    """
    folders: dict[Path, list[Path]] = {}
    for path in hookspecs:
        known = folders.setdefault(path.parent, [])
        known += [each for each in (path, *_versions(path)) if each not in known]
    fixed = FixResult()
    for paths in folders.values():
        _fix(paths, fixed, unsafe=unsafe)
    return fixed


def _versions(path: Path) -> list[Path]:
    if not _VERSION.fullmatch(path.stem):
        return []
    found = sorted(each for each in path.parent.glob("v*.yaml") if _VERSION.fullmatch(each.stem))
    for each in found:
        require_inside(each, path.parent)
    return found


_VERSION = re.compile(r"v[0-9]+")


def _fix(paths: list[Path], fixed: FixResult, *, unsafe: bool) -> None:
    found: list[Diagnostic] = []
    for _ in range(_ROUNDS):
        found = _merged(each for path in paths for each in lint_kind(path, fixed.texts))
        # Warnings wait for errors: only then is every reference known that leads to a part.
        errors = [each for each in found if each.severity == "error"]
        done = _round(errors or found, fixed.texts, unsafe=unsafe)
        if not done:
            break
        fixed.applied += done
    fixed.remaining += found


def _merged(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Merge equal findings of several kinds in a shared schema; each has its own references."""
    found: dict[Diagnostic, Diagnostic] = {}
    for each in findings:
        other = found.get(each, each)
        if each.fix is None or other.fix is None:
            found[each] = replace(each, fix=None)
        else:
            edits = [*other.fix.edits, *(e for e in each.fix.edits if e not in other.fix.edits)]
            found[each] = replace(each, fix=replace(each.fix, edits=tuple(edits)))
    return sorted(found.values())


def _round(found: list[Diagnostic], texts: dict[Path, str], *, unsafe: bool) -> list[Diagnostic]:
    able = [each for each in found if each.fix and (each.fix.safe or unsafe)]
    named = edited_files(each.fix for each in able if each.fix)
    drafts = {name: EditedText.of(read_text(Path(name), name, texts)) for name in named}
    done = [each for each in able if each.fix and apply_fix(drafts, each.fix)]
    texts |= {Path(name): draft.result() for name, draft in drafts.items() if draft.patches}
    return done
