"""A proof that one schema accepts all that another one does, by their keywords.

The validator's own algebra does not support recursive schemas. This proof walks both schemas
together. A pair that occurs again below itself may be assumed (coinduction): every JSON value is
finite. `True` means proven; `False` means unknown, not refuted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, TypeAlias

from scaffold.generator._compare.subset.compared_schema import PayloadSchema
from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS, subschemas
from scaffold.generator._source.canonical_json import canonical, json_equal
from scaffold.generator._source.diagnostics import SpecError
from scaffold.generator._source.json_values import is_object, type_of
from scaffold.generator.ir import Json

__all__ = ["proves_subset"]

_Parts: TypeAlias = tuple[Json, ...]
"""Schemas that all hold for one value, references and `allOf` taken apart."""

_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_STEPS = 2_000
"""Pairs that are compared before the proof gives up."""


def proves_subset(inner: PayloadSchema, outer: PayloadSchema) -> bool:
    """Tell whether `outer` is proven to accept every value that `inner` accepts."""
    try:
        inner, outer = _absolute(inner), _absolute(outer)
        return _Proof(inner, outer).prove((inner.value,), outer.value)
    except (SpecError, RecursionError):
        return False


def _absolute(schema: PayloadSchema) -> PayloadSchema:
    """Write out every reference, so that equal texts mean the same wherever they stand."""

    def copy(part: Json) -> Json:
        if not is_object(part):
            return part
        result = {**part}
        for (keyword, *rest), inner in subschemas(part):
            held: Any = result[str(keyword)]
            if rest:
                result[str(keyword)] = held = dict(held) if is_object(held) else list(held)
                held[rest[0]] = copy(inner)
            else:
                result[str(keyword)] = copy(inner)
        if "$ref" in part:
            base, fragment = schema.documents.split(part, part["$ref"])
            own = schema.documents.split(schema.value, "#")[0]
            result["$ref"] = f"#{fragment}" if base == own else f"{base}#{fragment}"
        return result

    return PayloadSchema(copy(schema.value))


@dataclass(frozen=True)
class _Proof:
    """The pairs that are being looked at, on the way down."""

    inner: PayloadSchema
    outer: PayloadSchema
    assumed: frozenset[str] = frozenset()
    """Pairs that a part of the value has been taken since: they may be assumed."""
    in_progress: frozenset[str] = frozenset()
    """Pairs that look at the same part: to meet one again proves nothing."""
    steps: Iterator[int] = field(default_factory=lambda: iter(range(_STEPS)))

    def prove_for_part(self, inner: _Parts, outer: Json) -> bool:
        """Prove it for a part of the value."""
        down = replace(self, assumed=self.assumed | self.in_progress, in_progress=frozenset())
        return down.prove(inner, outer)

    def prove(self, inner: _Parts, outer: Json) -> bool:
        """Prove that a value for which all `inner` hold is one of `outer`."""
        if outer is True or outer == {}:
            return True
        parts = {canonical(part): part for part in self.flattened(inner)}
        inner = tuple(parts[text] for text in sorted(parts))
        if False in inner:
            return True
        pair = canonical([list(inner), outer])
        if pair in self.assumed:
            return True
        if pair in self.in_progress or next(self.steps, None) is None:
            return False
        return replace(self, in_progress=self.in_progress | {pair}).prove_pair(inner, outer)

    def prove_pair(self, inner: _Parts, outer: Json) -> bool:
        """Prove it for a pair that was not met before."""
        if not _refers((*inner, outer)):
            whole = PayloadSchema({"allOf": list(inner)})
            if PayloadSchema(outer).proves_superset_of(whole):
                return True
        if not is_object(outer):
            return False
        if self._by_cases(inner, outer):
            return True
        types = _types(inner)
        return all(
            keyword in _RULES and _RULES[keyword](self, inner, outer)
            for keyword in outer
            if keyword in ASSERTIONS and (types & _CONCERNS.get(keyword, _TYPES))
        )

    def _by_cases(self, inner: _Parts, outer: Json) -> bool:
        """Take the branches of an `anyOf` or `oneOf` one by one: each must fit."""
        for part in inner:
            for keyword in ("anyOf", "oneOf"):
                if keyword in part:
                    rest = _without(part, keyword)
                    others = (*(each for each in inner if each is not part), rest)
                    return all(self.prove((*others, branch), outer) for branch in part[keyword])
        return False

    def flattened(self, parts: _Parts) -> Iterator[Json]:
        """Yield schema objects without `$ref` and `allOf` that say the same."""
        for part in parts:
            if is_object(part) and {"$ref", "allOf"} & part.keys():
                if "$ref" in part:
                    yield from self.flattened((self._followed(self.inner, part),))
                yield from self.flattened(tuple(part.get("allOf", ())))
                rest = _without(part, "$ref", "allOf")
                yield from (rest,) if rest.keys() & ASSERTIONS else ()
            elif part is not True:
                yield part

    def follow_outer(self, schema: Json) -> Json:
        """Return what a reference of `outer` leads to."""
        return self._followed(self.outer, schema)

    def _followed(self, side: PayloadSchema, schema: Json) -> Json:
        return side.documents.follow(schema)

    def property_schemas(self, inner: _Parts, name: str) -> _Parts:
        """Return what holds for the property of a name."""
        return tuple(chain.from_iterable(self._named(part, name) for part in inner))

    def _named(self, part: dict[str, Json], name: str) -> Iterator[Json]:
        patterns = part.get("patternProperties", {})
        found: list[Json] = [patterns[each] for each in patterns if _matches(each, name)]
        if name in part.get("properties", {}):
            found.append(part["properties"][name])
        yield from found or [part.get("additionalProperties", True)]


def _matches(pattern: str, name: str) -> bool:
    return PayloadSchema({"pattern": pattern}).accepts(name)


def _without(part: dict[str, Json], *keywords: str) -> dict[str, Json]:
    """Leave keywords out, and with them those that look at what they have looked at."""
    gone = {*keywords, "unevaluatedProperties", "unevaluatedItems"}
    return {key: value for key, value in part.items() if key not in gone}


def _unnamed(inner: _Parts) -> _Parts:
    """Return what holds for every property that no part of `inner` names."""
    return tuple(
        part["additionalProperties"]
        for part in inner
        if "additionalProperties" in part and "patternProperties" not in part
    )


def _names(inner: _Parts) -> set[str]:
    return {name for part in inner for name in part.get("properties", {})}


def _types(inner: _Parts) -> frozenset[str]:
    """Return the types that a value may have."""
    types = _TYPES
    for part in inner:
        if "type" in part:
            declared = {part["type"]} if isinstance(part["type"], str) else set(part["type"])
            types &= declared | ({"integer"} if "number" in declared else set())
        for values in ([part["const"]] if "const" in part else []), part.get("enum"):
            if values:
                types &= {type_of(value) for value in values}
    return types


def _refers(schemas: _Parts) -> bool:
    """Tell whether one of some schemas leads anywhere else, or may be led to."""
    return any(
        is_object(schema)
        and (
            bool({"$ref", "$dynamicRef", "$id"} & schema.keys())
            or _refers(tuple(inner for _, inner in subschemas(schema)))
        )
        for schema in schemas
    )


def _reference(proof: _Proof, inner: _Parts, outer: dict[str, Json]) -> bool:
    return proof.prove(inner, proof.follow_outer(outer))


def _all_of(proof: _Proof, inner: _Parts, outer: dict[str, Json]) -> bool:
    return all(proof.prove(inner, member) for member in outer["allOf"])


def _any_of(proof: _Proof, inner: _Parts, outer: dict[str, Json]) -> bool:
    return any(proof.prove(inner, member) for member in outer["anyOf"])


def _one_of(proof: _Proof, inner: _Parts, outer: dict[str, Json]) -> bool:
    """One member fits, and no other can: a type or a fixed value tells them apart."""
    for member in outer["oneOf"]:
        others = [other for other in outer["oneOf"] if other is not member]
        if proof.prove(inner, member) and all(_are_disjoint(proof, inner, each) for each in others):
            return True
    return False


def _are_disjoint(proof: _Proof, inner: _Parts, other: Json) -> bool:
    """Tell whether no value of `inner` can be one of `other`."""
    while is_object(other) and "$ref" in other:
        other = proof.follow_outer(other)
    if not is_object(other):
        return other is False
    if not _types(inner) & _types((other,)):
        return True
    required = {name for part in inner for name in part.get("required", [])}
    return _types(inner) <= {"object"} and any(
        not _overlap(_fixed(proof.property_schemas(inner, name)), _fixed((schema,)))
        for name, schema in other.get("properties", {}).items()
        if name in required
    )


def _fixed(parts: _Parts) -> list[Json] | None:
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


def _type(_proof: _Proof, inner: _Parts, outer: dict[str, Json]) -> bool:
    return _types(inner) <= _types((outer,))


def _properties(proof: _Proof, inner: _Parts, outer: dict[str, Json]) -> bool:
    return all(
        proof.prove_for_part(proof.property_schemas(inner, name), part)
        for name, part in outer["properties"].items()
    )


def _additional_properties(proof: _Proof, inner: _Parts, outer: dict[str, Json]) -> bool:
    rule = outer["additionalProperties"]
    if "patternProperties" in outer:
        return False
    free = _names(inner) - outer.get("properties", {}).keys()
    named = all(proof.prove_for_part(proof.property_schemas(inner, name), rule) for name in free)
    return named and proof.prove_for_part(_unnamed(inner), rule)


def _pattern_properties(proof: _Proof, inner: _Parts, outer: dict[str, Json]) -> bool:
    for pattern, rule in outer["patternProperties"].items():
        named = [name for name in _names(inner) if _matches(pattern, name)]
        patterned = tuple(
            part["patternProperties"][pattern]
            for part in inner
            if pattern in part.get("patternProperties", {})
        )
        if not all(
            proof.prove_for_part(proof.property_schemas(inner, name), rule) for name in named
        ):
            return False
        if not proof.prove_for_part((*patterned, *_unnamed(inner)), rule):
            return False
    return True


def _required(_proof: _Proof, inner: _Parts, outer: dict[str, Json]) -> bool:
    return set(outer["required"]) <= {name for part in inner for name in part.get("required", [])}


def _items(proof: _Proof, inner: _Parts, outer: dict[str, Json]) -> bool:
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
    _proof: _Proof, inner: _Parts, outer: dict[str, Json], *, keyword: str
) -> bool:
    """Compare one keyword that holds no schema: by the validator's algebra."""
    said = [{key: value for key, value in part.items() if key in _PLAIN} for part in inner]
    alone = PayloadSchema({keyword: outer[keyword]})
    return alone.proves_superset_of(
        PayloadSchema({"allOf": [*said, {"type": sorted(_types(inner))}]})
    )


_Rule: TypeAlias = Callable[[_Proof, _Parts, dict[str, Json]], bool]


def _plain_rule(keyword: str) -> _Rule:
    return lambda proof, inner, outer: _without_subschemas(proof, inner, outer, keyword=keyword)


_OBJECTS = frozenset({"object"})
_LISTS = frozenset({"array"})

_PLAIN = (
    *("enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems"),
    *("minProperties", "maxProperties", "dependentRequired", "required", "type"),
)

_RULES: dict[str, _Rule] = {
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

_CONCERNS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("properties", "additionalProperties", "patternProperties"), _OBJECTS),
    **dict.fromkeys(("required", "minProperties", "maxProperties"), _OBJECTS),
    **dict.fromkeys(("propertyNames", "dependentRequired", "dependentSchemas"), _OBJECTS),
    **dict.fromkeys(("items", "prefixItems", "contains", "minItems", "maxItems"), _LISTS),
    **dict.fromkeys(("uniqueItems", "unevaluatedItems"), _LISTS),
}
"""The types that a keyword looks at; on others it says nothing."""
