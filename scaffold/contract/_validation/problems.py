"""What a walk finds wrong with a value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from scaffold._concurrency.cached_attributes import CachedProperty
from scaffold.contract._errors.problems import MAX_POINTER_CHARS, Problem, shorten_message
from scaffold.contract._json.pointers import pointer_step
from scaffold.contract._json.types import Json
from scaffold.contract._validation.subschemas import Scope

__all__ = ["Path", "Violation"]

Path: TypeAlias = tuple[str | int, ...]


@dataclass(eq=False)
class Violation:
    """One thing that is wrong; its message is written when it is asked for."""

    path: Path
    rule: str
    kind: str
    """What the validator calls it: `const`, `falseSchema`, …"""
    write: Callable[[], str]
    members: Sequence[Scope] = ()
    """Of a union, its members, all of which refuse the value or too many of which accept it."""
    value: Json = None
    """Of a union, the value."""

    @classmethod
    def of(cls, error: Any, path: Path = ()) -> "Violation":
        """Take an error of the validator, about a value at a path."""
        message = error.message
        here = (*path, *error.instance_path)
        return cls(here, _rule(error.schema_path), error.kind.name, lambda: message)

    @CachedProperty
    def message(self) -> str:
        """What was expected and what came."""
        return shorten_message(self.write())

    def problem(self, prefix: str) -> Problem:
        """Return it as callers see it; `prefix` is the pointer to the value in its payload."""
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
    """Return the keyword at the end of a schema path: `false` has none of its own."""
    if not path:
        return "false"
    in_a_place = isinstance(path[-1], int) or path[-2:-1] in _SCHEMA_MAPS
    return str(path[-2] if in_a_place else path[-1])


_SCHEMA_MAPS: Final = (["properties"], ["patternProperties"], ["dependentSchemas"], ["$defs"])
"""Keywords that hold schemas by name: the name is not a rule."""
