"""The constraints on one value, and their combination.

Only constraints that types can express are kept. All other keywords are `left` to the schema: a
type accepts more than its schema, never less.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from scaffold.generator._source.json_values import canonical
from scaffold.generator.ir import Json

Keyword: TypeAlias = tuple[int, str]
"""A keyword of a schema object, by the object's identity."""

ANY_TYPE = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
"""All types. Here `integer` is any whole number and `number` any other number."""

OBJECT_TYPE = frozenset({"object"})
"""Objects only."""

LOWER_BOUNDS = {"minimum", "exclusiveMinimum", "minLength", "minItems"}
_CLOSING = ("additionalProperties", "unevaluatedProperties")
NOTHING_LEFT: Final = frozenset[Keyword]()


@dataclass(frozen=True, slots=True)
class Branches:
    """The members of an `anyOf` or `oneOf`."""

    members: tuple[Json, ...]
    keyword: Keyword

    @property
    def exclusive(self) -> bool:
        """True if exactly one member may fit."""
        return self.keyword[1] == "oneOf"


@dataclass(frozen=True, slots=True)
class Constraints:
    """The combined constraints of all schemas that apply to the same value."""

    key: tuple[int, ...] = ()
    """The identities of the schema objects that say something: equal keys, equal constraints."""
    sources: tuple[Json, ...] = field(default=(), compare=False)
    """These schema objects."""
    primary: Json = field(default_factory=dict[str, Json])
    """The first of these schema objects. Names and descriptions come from it."""
    types: frozenset[str] = ANY_TYPE
    choice: tuple[Json, ...] | None = None
    bounds: dict[str, Any] = field(default_factory=dict[str, Any])
    format: str | None = None
    patterns: tuple[str, ...] = ()
    items: tuple[Json, ...] = ()
    properties: dict[str, tuple[Json, ...]] = field(default_factory=dict[str, tuple[Json, ...]])
    required: tuple[str, ...] = ()
    closed: bool = False
    """No other properties than the named ones."""
    values: tuple[Json, ...] = ()
    """What properties without a name of their own must be."""
    branches: tuple[Branches, ...] = ()
    left: frozenset[Keyword] = NOTHING_LEFT
    """Keywords that no type can express."""

    @property
    def bare(self) -> bool:
        """True if the only constraint is the JSON type."""
        return self == Constraints(self.key, (), self.primary, self.types, format=self.format)

    @property
    def empty_object(self) -> bool:
        """True if `{}` is the only valid value."""
        only_closed = Constraints(self.key, (), self.primary, OBJECT_TYPE, closed=True)
        return self == replace(only_closed, format=self.format)

    @property
    def record(self) -> bool:
        """True if an object is described by its properties."""
        return bool(self.properties or self.required or self.closed)


def merge(first: Constraints, *others: Constraints) -> Constraints:
    """Combine sets of constraints that all apply to a value, in linear time."""
    merged = _Merge(first)
    for other in others:
        merged.add(other)
    return merged.result()


class _Merge:
    """Constraints that are combined one after the other.

    The collections grow in place: a copy for each of thousands of `allOf` branches would take
    quadratic time.
    """

    def __init__(self, first: Constraints) -> None:
        self._first = first
        self._changed = False
        self._key = dict.fromkeys(first.key)
        self._keys = list(first.key)
        self._sources = list(first.sources)
        self._left_sources = 0  # how many of the sources have their closing keywords in `_left`
        self._primary = first.primary
        self._types = first.types
        self._choice = first.choice
        self._bounds = dict(first.bounds)
        self._format = first.format
        self._patterns = dict.fromkeys(first.patterns)
        self._items = list(first.items)
        self._properties = {name: list(parts) for name, parts in first.properties.items()}
        self._required = dict.fromkeys(first.required)
        self._closed = first.closed
        self._values = list(first.values)
        self._branches = list(first.branches)
        self._left = set(first.left)

    def add(self, other: Constraints) -> None:
        """Add constraints that apply to the same value."""
        if other.key and all(key in self._key for key in other.key):
            return
        self._primary = self._primary if self._keys else other.primary
        self._keys += other.key
        self._key.update(dict.fromkeys(other.key))
        self._sources += other.sources
        self._left |= other.left
        self._close(other)
        self._types &= other.types
        self._choice = _common(self._choice, other.choice)
        self._bounds = _tighter(self._bounds, other.bounds)
        self._format = self._format or other.format
        self._patterns.update(dict.fromkeys(other.patterns))
        self._items += other.items
        for name, parts in other.properties.items():
            self._properties.setdefault(name, []).extend(parts)
        self._required.update(dict.fromkeys(other.required))
        self._values += other.values
        self._branches += other.branches
        self._changed = True

    def _close(self, other: Constraints) -> None:
        """Keep the object closed only if the names of a closed side include those of the other."""
        if not (self._closed or other.closed):
            return
        names, others = self._properties.keys(), other.properties.keys()
        fits = not self._closed or others <= names
        fits_other = not other.closed or names <= others
        self._closed = fits and fits_other
        if not self._closed:
            sources = self._sources[self._left_sources :]
            self._left.update((id(source), name) for source in sources for name in _CLOSING)
            self._left_sources = len(self._sources)

    def result(self) -> Constraints:
        """Return the combined constraints."""
        if not self._changed:
            return self._first
        return Constraints(
            key=tuple(self._keys),
            sources=tuple(self._sources),
            primary=self._primary,
            types=self._types,
            choice=self._choice,
            bounds=self._bounds,
            format=self._format,
            patterns=tuple(self._patterns),
            items=tuple(self._items),
            properties={name: tuple(parts) for name, parts in self._properties.items()},
            required=tuple(self._required),
            closed=self._closed,
            values=tuple(self._values),
            branches=tuple(self._branches),
            left=frozenset(self._left),
        )


def _common(one: tuple[Json, ...] | None, two: tuple[Json, ...] | None) -> tuple[Json, ...] | None:
    if one is None or two is None:
        return two if one is None else one
    others = {canonical(value) for value in two}
    return tuple(value for value in one if canonical(value) in others)


def _tighter(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    result = dict(one)
    for name, value in two.items():
        choose: Callable[..., Any] = max if name in LOWER_BOUNDS else min
        result[name] = choose(result[name], value) if name in result else value
    return result


def integer_bounds(constraints: Constraints) -> tuple[int | None, int | None]:
    """Return the bounds of a whole number, exclusive ones included."""
    lower = [math.ceil(constraints.bounds[k]) for k in ("minimum",) if k in constraints.bounds]
    lower += [
        math.floor(constraints.bounds[k]) + 1
        for k in ("exclusiveMinimum",)
        if k in constraints.bounds
    ]
    upper = [math.floor(constraints.bounds[k]) for k in ("maximum",) if k in constraints.bounds]
    upper += [
        math.ceil(constraints.bounds[k]) - 1
        for k in ("exclusiveMaximum",)
        if k in constraints.bounds
    ]
    return max(lower, default=None), min(upper, default=None)
