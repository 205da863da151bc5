"""The constraints on one value, collected from a schema and all schemas that it refers to.

Only constraints that types can express are kept. All other keywords are `left` to the schema: a
type accepts more than its schema, never less.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Final, TypeAlias

from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS
from scaffold.generator._schema.documents.documents import Documents
from scaffold.generator._source.json_values import canonical, is_object, json_equal
from scaffold.generator.ir import Json

Keyword: TypeAlias = tuple[int, str]
"""A keyword of a schema object, by the object's identity."""

ANY_TYPE = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
"""All types. Here `integer` is any whole number and `number` any other number."""

_TYPES = {name: frozenset({name}) for name in ANY_TYPE} | {
    "number": frozenset({"integer", "number"})
}

OBJECT_TYPE = frozenset({"object"})
"""Objects only."""

_LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems"}
_UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems"}
_BOUNDS = sorted(_LOWER | _UPPER)
_HANDLED = (
    _LOWER
    | _UPPER
    | {"$ref", "type", "enum", "const", "allOf", "anyOf", "oneOf", "properties", "required"}
    | {"additionalProperties", "patternProperties", "unevaluatedProperties", "items", "pattern"}
)
_UNHANDLED = ASSERTIONS - _HANDLED
_LEFT = _UNHANDLED | {"patternProperties"}
_SPEAKING = ASSERTIONS - {"$ref", "allOf"}
"""Keywords that constrain a value by themselves."""
_CLOSING = ("additionalProperties", "unevaluatedProperties")
_NONE: Final = frozenset[Keyword]()
_NEVER: Final[frozenset[Keyword]] = frozenset({(0, "false")})
"""What `false` leaves to itself: no type accepts nothing."""
_OPENING = {"anyOf", "oneOf", "if", "dependentSchemas", "patternProperties", "additionalProperties"}


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
    left: frozenset[Keyword] = _NONE
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


def collect(documents: Documents, schemas: tuple[Json, ...]) -> Constraints:
    """Combine the constraints that several schemas put on one value."""
    return reduce(merge, (_one(documents, schema) for schema in schemas))


def _one(documents: Documents, schema: Json) -> Constraints:
    if isinstance(schema, bool):
        return Constraints() if schema else Constraints(types=frozenset(), left=_NEVER)
    if id(schema) not in documents.known:
        documents.known[id(schema)] = _look(documents, schema)
    constraints: Constraints = documents.known[id(schema)]
    return constraints


def _look(documents: Documents, schema: dict[str, Json]) -> Constraints:
    constraints = _own(schema)
    inner = list(schema.get("allOf", []))
    if "$ref" in schema:
        inner.insert(0, documents.follow(schema))
    for part in inner:
        constraints = merge(constraints, _one(documents, part))
    if not constraints.key:
        constraints = replace(constraints, key=(id(schema),), sources=(schema,), primary=schema)
    return _close(schema, constraints)


def _own(schema: dict[str, Json]) -> Constraints:
    """Collect the keywords of one schema object, without its references."""
    speaks = not _SPEAKING.isdisjoint(schema) or len(schema.get("allOf", "?")) != 1
    patterns = schema.get("patternProperties", {})
    extra = schema.get("additionalProperties", True)
    values: tuple[Json, ...] = ()
    if is_object(extra) and not patterns:
        values = (extra,)
    elif extra is False and len(patterns) == 1 and "properties" not in schema:
        values = tuple(patterns.values())
    return Constraints(
        key=(id(schema),) if speaks else (),
        sources=(schema,) if speaks else (),
        primary=schema if speaks else {},
        types=_types(schema.get("type")),
        choice=_choice(schema),
        bounds={name: schema[name] for name in _BOUNDS if name in schema},
        format=schema.get("format"),
        patterns=(schema["pattern"],) if "pattern" in schema else (),
        items=(schema["items"],) if "items" in schema and "prefixItems" not in schema else (),
        properties={name: (part,) for name, part in schema.get("properties", {}).items()},
        required=tuple(dict.fromkeys(schema.get("required", []))),
        closed=extra is False and not patterns,
        values=values,
        branches=tuple(
            Branches(tuple(schema[keyword]), (id(schema), keyword))
            for keyword in ("anyOf", "oneOf")
            if keyword in schema
        ),
        left=_NONE if _LEFT.isdisjoint(schema) else _left(schema),
    )


def _left(schema: dict[str, Json]) -> frozenset[Keyword]:
    """Return the keywords of a schema that no type can express."""
    unsaid = schema.keys() & _UNHANDLED
    if schema.get("patternProperties"):
        unsaid |= {"patternProperties", "additionalProperties"}
    if "prefixItems" in schema:
        unsaid.add("items")
    return frozenset((id(schema), keyword) for keyword in unsaid)


def _types(declared: str | list[str] | None) -> frozenset[str]:
    if declared is None:
        return ANY_TYPE
    if isinstance(declared, str):
        return _TYPES[declared]
    return frozenset[str]().union(*(_TYPES[name] for name in declared))


def _choice(schema: dict[str, Json]) -> tuple[Json, ...] | None:
    if "const" not in schema:
        return tuple(schema["enum"]) if "enum" in schema else None
    const = schema["const"]
    allowed = "enum" not in schema or any(json_equal(const, value) for value in schema["enum"])
    return (const,) if allowed else ()


def _close(schema: dict[str, Json], constraints: Constraints) -> Constraints:
    """Apply `unevaluatedProperties`, which depends on all its sibling keywords."""
    rule = schema.get("unevaluatedProperties", True)
    if rule is True or constraints.closed:
        return constraints
    safe = (
        rule is False
        and not constraints.branches
        and not constraints.values
        and not constraints.left
    )
    opened = any(_OPENING & set(part) for part in schema.get("allOf", []) if is_object(part))
    # What a reference brings along is summed up already; what it might open is not.
    simple = "$ref" not in schema and not opened and not (_OPENING & schema.keys())
    if safe and simple:
        return replace(constraints, closed=True)
    return replace(constraints, left=constraints.left | {(id(schema), "unevaluatedProperties")})


def merge(one: Constraints, two: Constraints) -> Constraints:
    """Combine two sets of constraints that both apply to a value."""
    if two.key and set(two.key) <= set(one.key):
        return one
    closed = one.closed or two.closed
    if closed:
        names_one, names_two = one.properties.keys(), two.properties.keys()
        fits_one = not one.closed or names_two <= names_one
        fits_two = not two.closed or names_one <= names_two
        closed = fits_one and fits_two
    left = one.left | two.left
    if (one.closed or two.closed) and not closed:
        left |= {(id(source), name) for source in one.sources + two.sources for name in _CLOSING}
    return Constraints(
        key=one.key + two.key,
        sources=one.sources + two.sources,
        primary=one.primary if one.key else two.primary,
        types=one.types & two.types,
        choice=_common(one.choice, two.choice),
        bounds=_tighter(one.bounds, two.bounds),
        format=one.format or two.format,
        patterns=tuple(dict.fromkeys(one.patterns + two.patterns)),
        items=one.items + two.items,
        properties={
            name: one.properties.get(name, ()) + two.properties.get(name, ())
            for name in one.properties | two.properties
        },
        required=tuple(dict.fromkeys(one.required + two.required)),
        closed=closed,
        values=one.values + two.values,
        branches=one.branches + two.branches,
        left=left,
    )


def _common(one: tuple[Json, ...] | None, two: tuple[Json, ...] | None) -> tuple[Json, ...] | None:
    if one is None or two is None:
        return two if one is None else one
    others = {canonical(value) for value in two}
    return tuple(value for value in one if canonical(value) in others)


def _tighter(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    result = dict(one)
    for name, value in two.items():
        choose: Callable[..., Any] = max if name in _LOWER else min
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
