"""What is wrong inside a union: the problems of the member that was meant, if that is plain."""

from collections.abc import Sequence
from typing import TypeAlias

from scaffold.contract._validation.problems import Found, Path

__all__ = ["meant", "rules_out"]

_Errors: TypeAlias = Sequence[Found]
"""What one member of a union has against a value."""


def meant(members: Sequence[_Errors], here: Path) -> list[Found]:
    """Return what stands behind the refusal of a union at a place.

    A member whose type or tag is another was not meant. Of one that is left, everything is told;
    of several, what they agree on; and if the tag is that of none, which tags there are.
    """
    alike = [errors for errors in members if not any(_at(each, here) for each in errors)]
    left = _tagged(alike, here, _CONSTANT)
    if len(left) in (0, len(alike)):
        left = _tagged(alike, here, _FIXED)
    return _agreed(left) if left else _wrong_tags(alike, here)


def rules_out(error: Found, here: Path) -> bool:
    """Tell whether a member of the union at a place was not meant, whatever else it refuses."""
    return _at(error, here) or _fixes(error, here, _CONSTANT)


def _tagged(members: Sequence[_Errors], here: Path, fixed: frozenset[str]) -> list[_Errors]:
    """Leave out the members that want another value of a property that they fix."""
    return [errors for errors in members if not any(_fixes(each, here, fixed) for each in errors)]


def _agreed(members: Sequence[_Errors]) -> list[Found]:
    """Return the errors that all members have."""
    first, *others = members or ([],)
    kept = [{(each.path, each.message) for each in errors} for errors in others]
    return [each for each in first if all((each.path, each.message) in errors for errors in kept)]


def _wrong_tags(members: Sequence[_Errors], here: Path) -> list[Found]:
    """Return the errors of tags, if all members have one, and at the same place."""
    tags = [
        next(each for each in errors if _fixes(each, here, _FIXED)) for errors in members if errors
    ]
    return tags if len({each.path for each in tags}) == 1 else []


def _at(error: Found, here: Path) -> bool:
    """Tell whether an error is about what sort of value the whole is."""
    return error.kind in _SORTS and error.path == here


def _fixes(error: Found, here: Path, fixed: frozenset[str]) -> bool:
    """Tell whether an error is about a fixed value of a property of the whole."""
    return error.kind in fixed and error.path[:-1] == here and error.path != here


_CONSTANT = frozenset({"const"})
_FIXED = frozenset({"const", "enum"})
_SORTS = _FIXED | {"type", "falseSchema"}
