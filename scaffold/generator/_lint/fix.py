"""Mend hookspecs until nothing is left that can be: every mend may bring the next one to light."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaffold.generator._hookspec.folders import hold
from scaffold.generator._lint.lint import lint_kind
from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator._source.source_text import read_text
from scaffold.generator._source.text_edits import Draft, files, take

__all__ = ["Fixed", "fix"]

_ROUNDS = 50
"""A schema of draft 4 takes three or four; two mends that undo each other would take all."""


@dataclass
class Fixed:
    """What became of some hookspecs."""

    texts: dict[Path, str] = field(default_factory=dict[Path, str])
    """The files that change, as they are to be."""
    done: list[Diagnostic] = field(default_factory=list[Diagnostic])
    left: list[Diagnostic] = field(default_factory=list[Diagnostic])


def fix(hookspecs: Iterable[Path], *, unsafe: bool) -> Fixed:
    """Mend what can be mended; nothing is written.

    Versions of a kind share their schemas, so those in one folder are mended together. With
    `unsafe`, what changes which values are accepted is mended too.
    """
    folders: dict[Path, list[Path]] = {}
    for path in hookspecs:
        known = folders.setdefault(path.parent, [])
        known += [each for each in (path, *_versions(path)) if each not in known]
    fixed = Fixed()
    for paths in folders.values():
        _fix(paths, fixed, unsafe=unsafe)
    return fixed


def _versions(path: Path) -> list[Path]:
    if not _VERSION.fullmatch(path.stem):
        return []
    found = sorted(each for each in path.parent.glob("v*.yaml") if _VERSION.fullmatch(each.stem))
    for each in found:
        hold(each, path.parent)
    return found


_VERSION = re.compile(r"v[0-9]+")


def _fix(paths: list[Path], fixed: Fixed, *, unsafe: bool) -> None:
    found: list[Diagnostic] = []
    for _ in range(_ROUNDS):
        found = _merged(each for path in paths for each in lint_kind(path, fixed.texts))
        # Warnings wait for errors: only then is every reference known that leads to a part.
        errors = [each for each in found if each.severity == "error"]
        done = _round(errors or found, fixed.texts, unsafe=unsafe)
        if not done:
            break
        fixed.done += done
    fixed.left += found


def _merged(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Make one of what several kinds find in a schema of theirs: each knows its own references."""
    found: dict[Diagnostic, Diagnostic] = {}
    for each in findings:
        other = found.get(each, each)
        if each.mend is None or other.mend is None:
            found[each] = replace(each, mend=None)
        else:
            edits = [*other.mend.edits, *(e for e in each.mend.edits if e not in other.mend.edits)]
            found[each] = replace(each, mend=replace(each.mend, edits=tuple(edits)))
    return sorted(found.values())


def _round(found: list[Diagnostic], texts: dict[Path, str], *, unsafe: bool) -> list[Diagnostic]:
    able = [each for each in found if each.mend and (each.mend.safe or unsafe)]
    named = files(each.mend for each in able if each.mend)
    drafts = {name: Draft.of(read_text(Path(name), name, texts)) for name in named}
    done = [each for each in able if each.mend and take(drafts, each.mend)]
    texts |= {Path(name): draft.result() for name, draft in drafts.items() if draft.patches}
    return done
