"""Violations of a schema, as a walk finds them, and those that explain the refusal of a union."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from scaffold._concurrency.forks import CachedProperty
from scaffold.contract._errors.problems import MAX_POINTER_CHARS, Problem, shorten_message
from scaffold.contract._json import Json, pointer_step
from scaffold.contract._validation.subschemas import Scope

Path: TypeAlias = tuple[str | int, ...]


@dataclass(eq=False)
class Violation:
    """One violation of a schema. Its message is written at the first access."""

    path: Path
    rule: str
    kind: str
    """The name of the error in the validator: `const`, `falseSchema`, …"""
    write: Callable[[], str]
    members: Sequence[Scope] = ()
    """For a union: its members, of which none or too many accept the value."""
    value: Json = None
    """For a union: the value."""

    @classmethod
    def of(cls, error: Any, path: Path = ()) -> "Violation":
        """Make a violation from an error of the validator about the value at a path."""
        message = error.message
        here = (*path, *error.instance_path)
        return cls(here, _rule(error.schema_path), error.kind.name, lambda: message)

    @CachedProperty
    def message(self) -> str:
        """What was expected and what was found."""
        return shorten_message(self.write())

    def problem(self, prefix: str) -> Problem:
        """Return the problem for callers; `prefix` is the pointer to the value in its payload."""
        return Problem(_bounded_pointer(prefix, self.path), self.rule, self.message)


def _bounded_pointer(prefix: str, path: Path) -> str:
    written = prefix
    for part in path:
        step = pointer_step(part)
        if len(written) + len(step) > MAX_POINTER_CHARS:
            return written
        written += step
    return written


def _rule(path: Sequence[str | int]) -> str:
    """Return the keyword at the end of a schema path; a schema `false` has no keyword."""
    if not path:
        return "false"
    in_a_place = isinstance(path[-1], int) or path[-2:-1] in _SCHEMA_MAPS
    return str(path[-2] if in_a_place else path[-1])


_SCHEMA_MAPS: Final = (["properties"], ["patternProperties"], ["dependentSchemas"], ["$defs"])
"""Keywords that map names to schemas: the name is not a keyword."""


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
