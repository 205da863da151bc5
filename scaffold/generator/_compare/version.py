"""Semantic Versioning 2.0.0: which step was made, and whether it is the one that was asked for."""

from enum import IntEnum
from typing import TypeAlias

_Core: TypeAlias = tuple[int, int, int]


class Bump(IntEnum):
    """A step from one version to a later one."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3

    def __str__(self) -> str:
        return self.name.lower()


def bump_between(old: str, new: str) -> Bump:
    """Return the step between two versions; `NONE` if the second is not the later one.

    Of a version `0.y.z` a new `y` is the step that breaks (SemVer section 4), and `z` any other.
    """
    (before, was_draft), (after, is_draft) = _read(old), _read(new)
    if after < before or (after == before and (is_draft or not was_draft)):
        return Bump.NONE
    if after[0] > before[0]:
        return Bump.MAJOR
    if after[1] > before[1]:
        return Bump.MINOR if before[0] else Bump.MAJOR
    if after[2] > before[2]:
        return Bump.PATCH if before[0] else Bump.MINOR
    return Bump.MAJOR


def satisfies(old: str, new: str, asked: Bump) -> bool:
    """Tell whether a new version is the step that was asked for, or a greater one.

    A pre-release promises nothing (SemVer section 9): whatever follows it may break.
    """
    (before, was_draft), (after, _) = _read(old), _read(new)
    return (was_draft and after >= before) or bump_between(old, new) >= asked


def _read(version: str) -> tuple[_Core, bool]:
    """Return the three numbers, and whether it is a pre-release."""
    core, _, draft = version.partition("+")[0].partition("-")
    major, minor, patch = (int(number) for number in core.split("."))
    return (major, minor, patch), bool(draft)
