"""What is wrong inside a union: the problems of the member that was meant, if that is plain."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

__all__ = ["inside"]

_Errors: TypeAlias = Sequence[Any]
"""What one member of a union has against a value: errors of the validator."""


def inside(error: Any) -> Iterator[Any]:
    """Yield what stands behind an error of `anyOf` or `oneOf`, with all that stands behind that.

    A member whose type or tag is another was not meant. Of one that is left, everything is told;
    of several, what they agree on; and if the tag is that of none, which tags there are.
    """
    members: Sequence[_Errors] = error.kind.as_dict().get("context", ())
    here = list(error.instance_path)
    alike = [errors for errors in members if not any(_at(each, here) for each in errors)]
    meant = _tagged(alike, here, _CONSTANT)
    if len(meant) in (0, len(alike)):
        meant = _tagged(alike, here, _FIXED)
    for each in _agreed(meant) if meant else _wrong_tags(alike, here):
        yield each
        yield from inside(each)


def _tagged(
    members: Sequence[_Errors], here: list[str | int], fixed: frozenset[str]
) -> list[_Errors]:
    """Leave out the members that want another value of a property that they fix."""
    return [errors for errors in members if not any(_fixes(each, here, fixed) for each in errors)]


def _agreed(members: Sequence[_Errors]) -> list[Any]:
    """Return the errors that all members have."""
    first, *others = members or ([],)
    kept = [{(_place(each), each.message) for each in errors} for errors in others]
    return [
        each for each in first if all((_place(each), each.message) in errors for errors in kept)
    ]


def _wrong_tags(members: Sequence[_Errors], here: list[str | int]) -> list[Any]:
    """Return the errors of tags, if all members have one, and at the same place."""
    tags = [
        next(each for each in errors if _fixes(each, here, _FIXED)) for errors in members if errors
    ]
    return tags if len({_place(each) for each in tags}) == 1 else []


def _at(error: Any, here: list[str | int]) -> bool:
    """Tell whether an error is about what sort of value the whole is."""
    return error.kind.name in _SORTS and list(error.instance_path) == here


def _fixes(error: Any, here: list[str | int], fixed: frozenset[str]) -> bool:
    """Tell whether an error is about a fixed value of a property of the whole."""
    return error.kind.name in fixed and list(error.instance_path)[:-1] == here


def _place(error: Any) -> tuple[str | int, ...]:
    return tuple(error.instance_path)


_CONSTANT = frozenset({"const"})
_FIXED = frozenset({"const", "enum"})
_SORTS = _FIXED | {"type", "falseSchema"}
