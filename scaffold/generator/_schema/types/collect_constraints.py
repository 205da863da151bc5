"""The constraints on one value, collected from a schema and all schemas that it refers to."""

from dataclasses import replace
from typing import Final

from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.types.constraints import (
    ANY_TYPE,
    LOWER_BOUNDS,
    NOTHING_LEFT,
    Branches,
    Constraints,
    Keyword,
    merge,
)
from scaffold.generator._source.json_values import is_object, json_equal
from scaffold.generator.ir import Json

_TYPES = {name: frozenset({name}) for name in ANY_TYPE} | {
    "number": frozenset({"integer", "number"})
}

_BOUNDS = sorted(LOWER_BOUNDS | {"maximum", "exclusiveMaximum", "maxLength", "maxItems"})
_HANDLED = (
    set(_BOUNDS)
    | {"$ref", "type", "enum", "const", "allOf", "anyOf", "oneOf", "properties", "required"}
    | {"additionalProperties", "patternProperties", "unevaluatedProperties", "items", "pattern"}
)
_UNHANDLED = ASSERTIONS - _HANDLED
_LEFT = _UNHANDLED | {"patternProperties"}
_SPEAKING = ASSERTIONS - {"$ref", "allOf"}
"""Keywords that constrain a value by themselves."""
_NEVER: Final[frozenset[Keyword]] = frozenset({(0, "false")})
"""What `false` leaves to itself: no type accepts nothing."""
_OPENING = {"anyOf", "oneOf", "if", "dependentSchemas", "patternProperties", "additionalProperties"}


def collect(documents: Documents, schemas: tuple[Json, ...]) -> Constraints:
    """Combine the constraints that several schemas put on one value."""
    return merge(*(_one(documents, schema) for schema in schemas))


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
    constraints = merge(constraints, *(_one(documents, part) for part in inner))
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
        left=NOTHING_LEFT if _LEFT.isdisjoint(schema) else _left(schema),
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
