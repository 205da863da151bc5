"""Valid sample values for a schema: answers of a new plugin, and default payloads of `call`."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice

from scaffold._validators import compile_schema
from scaffold.generator._schema.documents.annotations import find_annotations
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.documents.references import reachable_schemas
from scaffold.generator._schema.samples.parts import (
    DISTINCT,
    MAX_LENGTH,
    VARIANTS,
    LazyValues,
    PartSampler,
    combine,
    conditional_schemas,
    text_samples,
    undeclared_names,
)
from scaffold.generator._schema.types.collect_constraints import collect
from scaffold.generator._schema.types.constraints import (
    ANY_TYPE,
    Constraints,
    integer_bounds,
    merge,
)
from scaffold.generator._source.json_values import canonical
from scaffold.generator.ir import Json

_TRIES = 200
"""Whole values that are tried."""
_STEPS = 20_000
"""Schemas that are looked at, however often they refer to themselves."""
_DEEPEST = 16


class NoSampleError(ValueError):
    """No valid value was found; the message says what the last try broke."""


def sample(schema: Json) -> Json:
    """Return a valid value for a self-contained schema: the same one every time.

    Examples, defaults and fixed values come first. Lists have one item, and objects have their
    required properties, where the schema lets them. Raises `NoSampleError` if no valid value is
    found, and `SpecError` if the schema is invalid.
    """
    documents = Documents.of_schema(schema)
    for _ in reachable_schemas(documents, documents.root):
        pass  # a reference that leads nowhere is an error
    judge = compile_schema(documents.root)
    seen: set[str] = set()
    # To check each part takes time, and most schemas do not need it.
    samplers = [
        _Sampler(documents, PartSampler(documents, checked=checked)) for checked in (False, True)
    ]
    likely = (islice(one.values((documents.root,), 0), _TRIES) for one in samplers)
    for value in chain.from_iterable(likely):
        text = canonical(value)
        if text not in seen and judge.is_valid(value):
            return value
        seen.add(text)
    raise NoSampleError(
        f"{len(seen)} values were tried and none is valid: give the schema examples"
    )


def likely_values(documents: Documents, schema: Json) -> Iterator[Json]:
    """Yield values that may be valid for a schema of some documents, the most likely first."""
    yield from _Sampler(documents, PartSampler(documents, checked=False)).values((schema,), 0)


class _Sampler:
    """Makes values that may be valid, the most likely and most telling first."""

    def __init__(self, documents: Documents, parts: PartSampler) -> None:
        self.documents = documents
        self.parts = parts
        self.steps = 0

    def _part(self, schemas: tuple[Json, ...], depth: int) -> LazyValues:
        """Return values for a part of a value."""
        return self.parts.stream(self.values(schemas, depth + 1), schemas)

    def values(self, schemas: tuple[Json, ...], depth: int) -> Iterator[Json]:
        """Yield values that may be valid for all of some schemas."""
        self.steps += 1
        if depth > _DEEPEST or self.steps > _STEPS:
            return
        for examples in find_annotations(self.documents, schemas, "examples"):
            yield from examples
        yield from find_annotations(self.documents, schemas, "default")
        yield from self._of(collect(self.documents, schemas), depth)

    def _of(self, constraints: Constraints, depth: int) -> Iterator[Json]:
        if constraints.choice is not None:
            yield from constraints.choice
            return
        if constraints.branches:
            first, *others = constraints.branches
            for member in first.members:
                base = replace(constraints, branches=tuple(others))
                hints = find_annotations(self.documents, (member,), "examples")
                yield from (example for examples in hints for example in examples)
                yield from self._of(merge(collect(self.documents, (member,)), base), depth)
            return
        for name in _types(constraints):
            yield from _VALUES[name](self, constraints, depth)

    def objects(self, constraints: Constraints, depth: int) -> Iterator[Json]:
        """Yield objects: what the properties say, then what holds under conditions too."""
        yield from self._objects(constraints, depth)
        for schemas in conditional_schemas(constraints):
            yield from self._objects(merge(collect(self.documents, schemas), constraints), depth)

    def _objects(self, constraints: Constraints, depth: int) -> Iterator[Json]:
        """Yield objects: with the required properties, then with others too."""
        streams = {
            name: self._part(schemas or (True,), depth)
            for name, schemas in (
                dict.fromkeys(constraints.required, ()) | constraints.properties
            ).items()
        }
        required = {name: streams[name] for name in constraints.required}
        yield from combine(required)
        for name in (name for name in streams if name not in required):
            yield from combine(required | {name: streams[name]})
        yield from combine(streams)
        least = int(constraints.primary.get("minProperties", 0))
        if least > MAX_LENGTH:
            return
        free = undeclared_names(constraints, max(least - len(required), 0))
        more = {name: self._part(schemas or (True,), depth) for name, schemas in free.items()}
        yield from combine(required | more)

    def arrays(self, constraints: Constraints, depth: int) -> Iterator[Json]:
        """Yield lists: of one item or as few as there must be, then none, then more."""
        start = [
            self._part((schema,), depth) for schema in constraints.primary.get("prefixItems", [])
        ]
        wanted = constraints.primary.get("contains")
        contained = self._part((wanted,), depth) if wanted is not None else LazyValues(iter(()))
        found = {canonical(value): value for value in contained.first(VARIANTS)}
        several = list(found.values())[: int(constraints.primary.get("minContains", 1))]
        least = int(constraints.bounds.get("minItems", 0))
        if least > MAX_LENGTH:
            return
        head = [value for stream in start for value in stream.first(1)] + several
        items = self._part(constraints.items or (True,), depth)
        for count in (max(least, 1), least, least + 1):
            missing = max(count - len(head), 0)
            for item in items.first(VARIANTS):
                yield [*head, *[item] * missing]
            distinct = {canonical(item): item for item in items.first(missing + VARIANTS)}
            yield [*head, *list(distinct.values())[:missing]]

    def strings(self, constraints: Constraints, _depth: int) -> Iterator[Json]:
        """Yield texts."""
        yield from text_samples(constraints)

    def integers(self, constraints: Constraints, depth: int) -> Iterator[Json]:
        """Yield whole numbers: small ones, then those at the bounds; what is within them first."""
        yield from sorted(
            self._integers(constraints, depth), key=lambda one: not _is_within(constraints, one)
        )

    def _integers(self, constraints: Constraints, _depth: int) -> Iterator[float]:
        lower, upper = integer_bounds(constraints)
        step = constraints.primary.get("multipleOf", 1)
        yield from (1, 0)
        for bound in (lower, upper):
            if bound is not None:
                yield bound
                yield math.ceil(bound / step) * step
                yield math.floor(bound / step) * step
        yield step
        first = 0 if lower is None else math.ceil(lower / step)
        yield from ((first + more) * step for more in range(1, DISTINCT))
        if upper is not None:
            yield from ((math.floor(upper / step) - more) * step for more in range(1, DISTINCT))

    def numbers(self, constraints: Constraints, depth: int) -> Iterator[Json]:
        """Yield numbers: small ones, those at the bounds, and between them; the fitting first."""
        yield from sorted(
            self._numbers(constraints, depth), key=lambda one: not _is_within(constraints, one)
        )

    def _numbers(self, constraints: Constraints, _depth: int) -> Iterator[float]:
        bounds = constraints.bounds
        lower = bounds.get("minimum", bounds.get("exclusiveMinimum"))
        upper = bounds.get("maximum", bounds.get("exclusiveMaximum"))
        step = constraints.primary.get("multipleOf")
        yield from (1, 0.5, 0)
        if lower is not None and upper is not None:
            yield (lower + upper) / 2
        for bound, sign in ((lower, 1), (upper, -1)):
            if bound is not None:
                yield from (bound, bound + sign)
                if step is not None:
                    yield (math.floor(bound / step) + sign) * step
        if step is not None:
            yield step


_VALUES: dict[str, Callable[[_Sampler, Constraints, int], Iterator[Json]]] = {
    "object": _Sampler.objects,
    "array": _Sampler.arrays,
    "string": _Sampler.strings,
    "integer": _Sampler.integers,
    "number": _Sampler.numbers,
    "boolean": lambda _sampler, _facts, _depth: iter((True, False)),
    "null": lambda _sampler, _facts, _depth: iter((None,)),
}


def _types(constraints: Constraints) -> list[str]:
    """List the types to try; what the schema talks about comes first."""
    if constraints.types != ANY_TYPE:
        return [name for name in _VALUES if name in constraints.types]
    told = {
        "object": constraints.record
        or bool(constraints.values)
        or "minProperties" in constraints.primary,
        "array": bool(constraints.items)
        or bool({"minItems", "contains"} & constraints.primary.keys()),
        "integer": bool({"minimum", "exclusiveMinimum", "multipleOf"} & constraints.primary.keys()),
    }
    return sorted(_VALUES, key=lambda name: (not told.get(name, False), name != "string"))


def _is_within(constraints: Constraints, value: float) -> bool:
    """Tell whether a number is within its bounds, and a multiple of what it must be one of."""
    bounds, step = constraints.bounds, constraints.primary.get("multipleOf")
    return (
        bounds.get("minimum", -math.inf) <= value <= bounds.get("maximum", math.inf)
        and bounds.get("exclusiveMinimum", -math.inf) < value
        and value < bounds.get("exclusiveMaximum", math.inf)
        and (step is None or math.isclose(math.remainder(value, step), 0, abs_tol=1e-9))
    )
