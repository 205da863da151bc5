"""One rule for each keyword: how to prove that values of one schema satisfy the keyword of another.

A rule returns `True` only for what it can prove. `False` means unknown.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from scaffold.generator._compare.subset.compared_schema import PayloadSchema
from scaffold.generator._source.json_values import is_object, json_equal, type_of
from scaffold.generator.ir import Json

Parts: TypeAlias = tuple[Json, ...]
"""Schemas that all hold for one value, references and `allOf` taken apart."""

JSON_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


class Prover(Protocol):
    """The proof that a rule is a part of."""

    def prove(self, inner: Parts, outer: Json) -> bool:
        """Prove that a value of all `inner` schemas is a value of `outer`."""
        ...

    def prove_for_part(self, inner: Parts, outer: Json) -> bool:
        """Prove it for a part of the value: a property or an item."""
        ...

    def follow_outer(self, schema: Json) -> Json:
        """Return the schema that a reference of `outer` leads to."""
        ...

    def property_schemas(self, inner: Parts, name: str) -> Parts:
        """Return the schemas that apply to the property of a name."""
        ...


def matches(pattern: str, name: str) -> bool:
    return PayloadSchema({"pattern": pattern}).accepts(name)


def possible_types(inner: Parts) -> frozenset[str]:
    """Return the types that a value may have."""
    types = JSON_TYPES
    for part in inner:
        if "type" in part:
            declared = {part["type"]} if isinstance(part["type"], str) else set(part["type"])
            types &= declared | ({"integer"} if "number" in declared else set())
        for values in ([part["const"]] if "const" in part else []), part.get("enum"):
            if values:
                types &= {type_of(value) for value in values}
    return types


def _undeclared_schemas(inner: Parts) -> Parts:
    """Return what holds for every property that no part of `inner` names."""
    return tuple(
        part["additionalProperties"]
        for part in inner
        if "additionalProperties" in part and "patternProperties" not in part
    )


def _declared_names(inner: Parts) -> set[str]:
    return {name for part in inner for name in part.get("properties", {})}


def _reference(proof: Prover, inner: Parts, outer: dict[str, Json]) -> bool:
    return proof.prove(inner, proof.follow_outer(outer))


def _all_of(proof: Prover, inner: Parts, outer: dict[str, Json]) -> bool:
    return all(proof.prove(inner, member) for member in outer["allOf"])


def _any_of(proof: Prover, inner: Parts, outer: dict[str, Json]) -> bool:
    return any(proof.prove(inner, member) for member in outer["anyOf"])


def _one_of(proof: Prover, inner: Parts, outer: dict[str, Json]) -> bool:
    """One member fits, and no other can: a type or a fixed value tells them apart."""
    for member in outer["oneOf"]:
        others = [other for other in outer["oneOf"] if other is not member]
        if proof.prove(inner, member) and all(_are_disjoint(proof, inner, each) for each in others):
            return True
    return False


def _are_disjoint(proof: Prover, inner: Parts, other: Json) -> bool:
    """Tell whether no value of `inner` can be one of `other`."""
    while is_object(other) and "$ref" in other:
        other = proof.follow_outer(other)
    if not is_object(other):
        return other is False
    if not possible_types(inner) & possible_types((other,)):
        return True
    required = {name for part in inner for name in part.get("required", [])}
    return possible_types(inner) <= {"object"} and any(
        not _overlap(_fixed(proof.property_schemas(inner, name)), _fixed((schema,)))
        for name, schema in other.get("properties", {}).items()
        if name in required
    )


def _fixed(parts: Parts) -> list[Json] | None:
    """Return the values that a schema fixes, if it does."""
    for part in filter(is_object, parts):
        if "const" in part:
            return [part["const"]]
        if "enum" in part:
            values: list[Json] = part["enum"]
            return values
    return None


def _overlap(one: list[Json] | None, two: list[Json] | None) -> bool:
    if one is None or two is None:
        return True
    return any(json_equal(a, b) for a in one for b in two)


def _type(_proof: Prover, inner: Parts, outer: dict[str, Json]) -> bool:
    return possible_types(inner) <= possible_types((outer,))


def _properties(proof: Prover, inner: Parts, outer: dict[str, Json]) -> bool:
    return all(
        proof.prove_for_part(proof.property_schemas(inner, name), part)
        for name, part in outer["properties"].items()
    )


def _additional_properties(proof: Prover, inner: Parts, outer: dict[str, Json]) -> bool:
    rule = outer["additionalProperties"]
    if "patternProperties" in outer:
        return False
    free = _declared_names(inner) - outer.get("properties", {}).keys()
    named = all(proof.prove_for_part(proof.property_schemas(inner, name), rule) for name in free)
    return named and proof.prove_for_part(_undeclared_schemas(inner), rule)


def _pattern_properties(proof: Prover, inner: Parts, outer: dict[str, Json]) -> bool:
    for pattern, rule in outer["patternProperties"].items():
        named = [name for name in _declared_names(inner) if matches(pattern, name)]
        patterned = tuple(
            part["patternProperties"][pattern]
            for part in inner
            if pattern in part.get("patternProperties", {})
        )
        if not all(
            proof.prove_for_part(proof.property_schemas(inner, name), rule) for name in named
        ):
            return False
        if not proof.prove_for_part((*patterned, *_undeclared_schemas(inner)), rule):
            return False
    return True


def _required(_proof: Prover, inner: Parts, outer: dict[str, Json]) -> bool:
    return set(outer["required"]) <= {name for part in inner for name in part.get("required", [])}


def _items(proof: Prover, inner: Parts, outer: dict[str, Json]) -> bool:
    """Prove it place by place: first the places that a prefix describes, then all the others."""
    starts = [len(part.get("prefixItems", [])) for part in (*inner, outer)]
    places = range(max(starts) + 1)
    return all(
        proof.prove_for_part(tuple(_item(part, place) for part in inner), _item(outer, place))
        for place in places
    )


def _item(part: dict[str, Json], place: int) -> Json:
    prefix = part.get("prefixItems", [])
    return prefix[place] if place < len(prefix) else part.get("items", True)


def _without_subschemas(
    _proof: Prover, inner: Parts, outer: dict[str, Json], *, keyword: str
) -> bool:
    """Compare one keyword that holds no schema: by the validator's algebra."""
    said = [{key: value for key, value in part.items() if key in _PLAIN} for part in inner]
    alone = PayloadSchema({keyword: outer[keyword]})
    return alone.proves_superset_of(
        PayloadSchema({"allOf": [*said, {"type": sorted(possible_types(inner))}]})
    )


_Rule: TypeAlias = Callable[[Prover, Parts, dict[str, Json]], bool]


def _plain_rule(keyword: str) -> _Rule:
    return lambda proof, inner, outer: _without_subschemas(proof, inner, outer, keyword=keyword)


_OBJECTS = frozenset({"object"})
_LISTS = frozenset({"array"})

_PLAIN = (
    *("enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems"),
    *("minProperties", "maxProperties", "dependentRequired", "required", "type"),
)

RULES: dict[str, _Rule] = {
    "$ref": _reference,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "properties": _properties,
    "additionalProperties": _additional_properties,
    "patternProperties": _pattern_properties,
    "items": _items,
    "prefixItems": _items,
    **{keyword: _plain_rule(keyword) for keyword in _PLAIN},
    "type": _type,
    "required": _required,
}
"""For each keyword of `outer`: is what it asks for what `inner` promises?"""

TYPES_OF_KEYWORD: dict[str, frozenset[str]] = {
    **dict.fromkeys(("properties", "additionalProperties", "patternProperties"), _OBJECTS),
    **dict.fromkeys(("required", "minProperties", "maxProperties"), _OBJECTS),
    **dict.fromkeys(("propertyNames", "dependentRequired", "dependentSchemas"), _OBJECTS),
    **dict.fromkeys(("items", "prefixItems", "contains", "minItems", "maxItems"), _LISTS),
    **dict.fromkeys(("uniqueItems", "unevaluatedItems"), _LISTS),
}
"""The types that a keyword looks at; on others it says nothing."""
