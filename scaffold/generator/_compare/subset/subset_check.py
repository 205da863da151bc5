"""Decides whether one schema accepts everything that another one does: proven, refuted or unknown.

A counterexample that the validators confirm takes precedence over a proof. So a mistake in a proof
does no harm if the search finds a counterexample.

The validator's own algebra does not support recursive schemas. The proof here walks both schemas
together. A pair that occurs again below itself may be assumed (coinduction): every JSON value is
finite.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from scaffold.generator import ir
from scaffold.generator._compare.subset.compared_schema import PayloadSchema
from scaffold.generator._compare.subset.counterexamples import candidate_values, shrink
from scaffold.generator._compare.subset.keyword_rules import (
    JSON_TYPES,
    RULES,
    TYPES_OF_KEYWORD,
    Parts,
    matches,
    possible_types,
)
from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS, subschemas
from scaffold.generator._source.diagnostics import SpecError
from scaffold.generator._source.json_values import canonical, is_object
from scaffold.generator.ir import Json

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

    def prove_for_part(self, inner: Parts, outer: Json) -> bool:
        """Prove it for a part of the value."""
        down = replace(self, assumed=self.assumed | self.in_progress, in_progress=frozenset())
        return down.prove(inner, outer)

    def prove(self, inner: Parts, outer: Json) -> bool:
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

    def prove_pair(self, inner: Parts, outer: Json) -> bool:
        """Prove it for a pair that was not met before."""
        if not _refers((*inner, outer)):
            whole = PayloadSchema({"allOf": list(inner)})
            if PayloadSchema(outer).proves_superset_of(whole):
                return True
        if not is_object(outer):
            return False
        if self._by_cases(inner, outer):
            return True
        types = possible_types(inner)
        return all(
            keyword in RULES and RULES[keyword](self, inner, outer)
            for keyword in outer
            if keyword in ASSERTIONS and (types & TYPES_OF_KEYWORD.get(keyword, JSON_TYPES))
        )

    def _by_cases(self, inner: Parts, outer: Json) -> bool:
        """Take the branches of an `anyOf` or `oneOf` one by one: each must fit."""
        for part in inner:
            for keyword in ("anyOf", "oneOf"):
                if keyword in part:
                    rest = _without(part, keyword)
                    others = (*(each for each in inner if each is not part), rest)
                    return all(self.prove((*others, branch), outer) for branch in part[keyword])
        return False

    def flattened(self, parts: Parts) -> Iterator[Json]:
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

    def property_schemas(self, inner: Parts, name: str) -> Parts:
        """Return what holds for the property of a name."""
        return tuple(chain.from_iterable(self._named(part, name) for part in inner))

    def _named(self, part: dict[str, Json], name: str) -> Iterator[Json]:
        patterns = part.get("patternProperties", {})
        found: list[Json] = [patterns[each] for each in patterns if matches(each, name)]
        if name in part.get("properties", {}):
            found.append(part["properties"][name])
        yield from found or [part.get("additionalProperties", True)]


def _without(part: dict[str, Json], *keywords: str) -> dict[str, Json]:
    """Leave keywords out, and with them those that look at what they have looked at."""
    gone = {*keywords, "unevaluatedProperties", "unevaluatedItems"}
    return {key: value for key, value in part.items() if key not in gone}


def _refers(schemas: Parts) -> bool:
    """Tell whether one of some schemas leads anywhere else, or may be led to."""
    return any(
        is_object(schema)
        and (
            bool({"$ref", "$dynamicRef", "$id"} & schema.keys())
            or _refers(tuple(inner for _, inner in subschemas(schema)))
        )
        for schema in schemas
    )


_TRIES_WITH_PROOF = 400
_TRIES_WITHOUT = 12_000


@dataclass(frozen=True, slots=True)
class SubsetResult:
    """The answer to: does `outer` accept all that `inner` does?"""

    proven: bool
    witnesses: tuple[ir.Json, ...] = ()
    """A value that `inner` accepts and `outer` refuses, or none."""

    @property
    def refuted(self) -> bool:
        """True if there is a value that shows it."""
        return bool(self.witnesses)


def check_subset(inner: ir.Json, outer: ir.Json) -> SubsetResult:
    """Decide whether JSON Schema `outer` accepts every value that `inner` accepts."""
    return _check_subset(canonical(inner), canonical(outer))


@lru_cache(maxsize=1024)
def _check_subset(inner_text: str, outer_text: str) -> SubsetResult:
    import json

    if inner_text == outer_text:
        return SubsetResult(proven=True)
    inner, outer = (PayloadSchema(json.loads(text)) for text in (inner_text, outer_text))
    proven = outer.proves_superset_of(inner) or proves_subset(inner, outer)
    found = _search(inner, outer, _TRIES_WITH_PROOF if proven else _TRIES_WITHOUT)
    witnesses = tuple(_shrunk(value, inner, outer) for value in islice(found, 1))
    return SubsetResult(proven=proven and not witnesses, witnesses=witnesses)


def _search(inner: PayloadSchema, outer: PayloadSchema, tries: int) -> Iterator[ir.Json]:
    for value in islice(candidate_values(inner, outer), tries):
        if inner.accepts(value) and not outer.accepts(value):
            yield value


def _shrunk(value: ir.Json, inner: PayloadSchema, outer: PayloadSchema) -> ir.Json:
    """Remove all parts that a witness does not need."""
    for less in shrink(value):
        if inner.accepts(less) and not outer.accepts(less):
            return _shrunk(less, inner, outer)
    return value
