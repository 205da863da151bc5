"""What is wrong inside a union: the problems of the member that was meant, if that is plain."""

from collections.abc import Sequence
from typing import TypeAlias

from scaffold.contract._validation.problems import Path, Violation

__all__ = ["intended_violations", "rules_out"]

_Violations: TypeAlias = Sequence[Violation]
"""What one member of a union has against a value."""


def intended_violations(members: Sequence[_Violations], here: Path) -> list[Violation]:
    """Return what stands behind the refusal of a union at a place.

    A member whose type or tag is another was not meant. Of one that is left, everything is told;
    of several, what they agree on; and if the tag is that of none, which tags there are.
    """
    alike = [
        errors for errors in members if not any(_is_about_the_value(each, here) for each in errors)
    ]
    left = _tagged(alike, here, _CONSTANT)
    if len(left) in (0, len(alike)):
        left = _tagged(alike, here, _FIXED)
    return _common_violations(left) if left else _wrong_tags(alike, here)


def rules_out(error: Violation, here: Path) -> bool:
    """Tell whether a member of the union at a place was not meant, whatever else it refuses."""
    return _is_about_the_value(error, here) or _is_about_a_tag(error, here, _CONSTANT)


def _tagged(members: Sequence[_Violations], here: Path, fixed: frozenset[str]) -> list[_Violations]:
    """Leave out the members that want another value of a property that they fix."""
    return [
        errors
        for errors in members
        if not any(_is_about_a_tag(each, here, fixed) for each in errors)
    ]


def _common_violations(members: Sequence[_Violations]) -> list[Violation]:
    """Return the errors that all members have."""
    first, *others = members or ([],)
    kept = [{(each.path, each.message) for each in errors} for errors in others]
    return [each for each in first if all((each.path, each.message) in errors for errors in kept)]


def _wrong_tags(members: Sequence[_Violations], here: Path) -> list[Violation]:
    """Return the errors of tags, if all members have one, and at the same place."""
    tags = [
        next(each for each in errors if _is_about_a_tag(each, here, _FIXED))
        for errors in members
        if errors
    ]
    return tags if len({each.path for each in tags}) == 1 else []


def _is_about_the_value(error: Violation, here: Path) -> bool:
    """Tell whether an error is about what sort of value the whole is."""
    return error.kind in _VALUE_KINDS and error.path == here


def _is_about_a_tag(error: Violation, here: Path, fixed: frozenset[str]) -> bool:
    """Tell whether an error is about a fixed value of a property of the whole."""
    return error.kind in fixed and error.path[:-1] == here and error.path != here


_CONSTANT = frozenset({"const"})
_FIXED = frozenset({"const", "enum"})
_VALUE_KINDS = _FIXED | {"type", "falseSchema"}
