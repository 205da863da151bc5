"""The violations inside a union: those of the intended member, if it can be recognised."""

from collections.abc import Sequence
from typing import TypeAlias

from scaffold.contract._validation.problems import Path, Violation

_Violations: TypeAlias = Sequence[Violation]
"""The violations of one member of a union."""


def intended_violations(members: Sequence[_Violations], here: Path) -> list[Violation]:
    """Return the violations that explain why a union refuses the value at `here`.

    A member with another type or tag was not intended. If one member remains, all its violations
    are returned; of several members, the common ones. If no member has the tag, the violations of
    the tag are returned.
    """
    alike = [
        errors for errors in members if not any(_is_about_the_value(each, here) for each in errors)
    ]
    left = _tagged(alike, here, _CONSTANT)
    if len(left) in (0, len(alike)):
        left = _tagged(alike, here, _FIXED)
    return _common_violations(left) if left else _wrong_tags(alike, here)


def rules_out(error: Violation, here: Path) -> bool:
    """Return whether a violation shows that its member of the union was not intended."""
    return _is_about_the_value(error, here) or _is_about_a_tag(error, here, _CONSTANT)


def _tagged(members: Sequence[_Violations], here: Path, fixed: frozenset[str]) -> list[_Violations]:
    """Remove the members that require another value of a tag."""
    return [
        errors
        for errors in members
        if not any(_is_about_a_tag(each, here, fixed) for each in errors)
    ]


def _common_violations(members: Sequence[_Violations]) -> list[Violation]:
    """Return the violations that all members have."""
    first, *others = members or ([],)
    kept = [{(each.path, each.message) for each in errors} for errors in others]
    return [each for each in first if all((each.path, each.message) in errors for errors in kept)]


def _wrong_tags(members: Sequence[_Violations], here: Path) -> list[Violation]:
    """Return the violations of the tag, if all members have the same tag property."""
    tags = [
        next(each for each in errors if _is_about_a_tag(each, here, _FIXED))
        for errors in members
        if errors
    ]
    return tags if len({each.path for each in tags}) == 1 else []


def _is_about_the_value(error: Violation, here: Path) -> bool:
    """Return whether a violation concerns the type of the whole value."""
    return error.kind in _VALUE_KINDS and error.path == here


def _is_about_a_tag(error: Violation, here: Path, fixed: frozenset[str]) -> bool:
    """Return whether a violation concerns a tag, which is a property with a fixed value."""
    return error.kind in fixed and error.path[:-1] == here and error.path != here


_CONSTANT = frozenset({"const"})
_FIXED = frozenset({"const", "enum"})
_VALUE_KINDS = _FIXED | {"type", "falseSchema"}
