"""Violations of a schema, as a walk finds them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from scaffold._concurrency.cached_attributes import CachedProperty
from scaffold.contract._errors.problems import MAX_POINTER_CHARS, Problem, shorten_message
from scaffold.contract._json.pointers import pointer_step
from scaffold.contract._json.types import Json
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
