"""Values that may tell two schemas apart: at the bounds of both, and one small change away."""

import marshal
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from scaffold.generator._compare.subset.compared_schema import PayloadSchema
from scaffold.generator._schema.documents.references import reachable_schemas
from scaffold.generator._schema.samples.pattern_sampler import matching_text
from scaffold.generator._schema.samples.sample_values import likely_values
from scaffold.generator._source.json_values import canonical, is_list, is_object
from scaffold.generator.ir import Json

_SEEDS = 24
"""Likely values that are taken from one schema."""
_GUESSES = 4
"""Likely values that are tried for one property."""
_SECOND_ROUND = 40
"""Values that are changed a second time."""
_LONGEST = 4096
"""Texts and lists are not made longer than that."""

_COMMON: tuple[Json, ...] = (None, True, 0, 1, -1, 0.5, "", "a", [], {}, [None], {"other": None})


def candidate_values(inner: PayloadSchema, outer: PayloadSchema) -> Iterator[Json]:
    """Yield values, each once, that `inner` may accept and `outer` may refuse."""
    vocabulary = _KnownValues((inner, outer))
    seeds = [*_seeds(inner.difference(outer)), *_seeds(inner.value), *_seeds(outer.value)]
    seen = _SeenValues()
    second: list[Json] = []
    for value in chain(seeds, _mutate_all(seeds, vocabulary)):
        if seen.add(value):
            yield value
            if len(second) < _SECOND_ROUND and inner.accepts(value):
                second.append(value)
    yield from filter(seen.add, _mutate_all(second, vocabulary))


class _SeenValues:
    """The values that were yielded before."""

    def __init__(self) -> None:
        self._dumps: set[bytes] = set()
        self._texts: set[str] = set()

    def add(self, value: Json) -> bool:
        """Return whether a value is new, and remember it."""
        # Nine of ten mutations repeat a value exactly: `marshal` finds those cheaply, which halves
        # the time of a search. Canonical JSON also finds equal values that differ in bytes:
        # `1` and `1.0`, or keys in another order. Version 0 has no references between parts.
        dump = marshal.dumps(value, 0)
        if dump in self._dumps:
            return False
        self._dumps.add(dump)
        count = len(self._texts)
        self._texts.add(canonical(value))
        return len(self._texts) > count


def shrink(value: Json) -> Iterator[Json]:
    """Yield what is left of a value without one of its parts, the largest parts first."""
    if is_object(value):
        for name in value:
            yield {key: item for key, item in value.items() if key != name}
        for name, item in value.items():
            yield from ({**value, name: less} for less in shrink(item))
    elif is_list(value):
        for index in range(len(value)):
            yield [*value[:index], *value[index + 1 :]]
        for index, item in enumerate(value):
            yield from ([*value[:index], less, *value[index + 1 :]] for less in shrink(item))


def _seeds(schema: Json | None) -> list[Json]:
    if schema is None:
        return []
    return list(islice(likely_values(PayloadSchema(schema).documents, schema), _SEEDS))


class _KnownValues:
    """What both schemas speak of: values, lengths and names."""

    def __init__(self, schemas: tuple[PayloadSchema, PayloadSchema]) -> None:
        self.names: dict[str, list[Json]] = {"other": []}
        """Property names, each with likely values."""
        self.counts: set[int] = {0, 1, 2}
        """Lengths of lists."""
        self._values: dict[str, Json] = {canonical(value): value for value in _COMMON}
        for schema in schemas:
            for part in reachable_schemas(schema.documents, schema.value):
                self._learn(schema, part)

    @property
    def values(self) -> list[Json]:
        """Values that stand in the schemas, or at their bounds."""
        return list(self._values.values())

    def _learn(self, schema: PayloadSchema, part: dict[str, Json]) -> None:
        for value in _boundary_values(part):
            self._values.setdefault(canonical(value), value)
        for keyword in ("minItems", "maxItems", "minContains", "maxContains"):
            if part.get(keyword, _LONGEST) < _LONGEST:
                self.counts |= {int(part[keyword]), int(part[keyword]) + 1}
        self.counts |= {len(part["prefixItems"]) + 1} if "prefixItems" in part else set()
        for name, inner in part.get("properties", {}).items():
            likely = islice(likely_values(schema.documents, inner), _GUESSES)
            self.names.setdefault(name, []).extend(likely)
        for pattern, inner in part.get("patternProperties", {}).items():
            likely = islice(likely_values(schema.documents, inner), _GUESSES)
            self.names.setdefault(matching_text(pattern), []).extend(likely)
        required = part.get("required", [])
        depended = chain(*part.get("dependentRequired", {}).items())
        for each in chain(required, part.get("dependentSchemas", {}), *map(_texts, depended)):
            self.names.setdefault(each, [])
        for name in _boundary_values(part["propertyNames"]) if "propertyNames" in part else ():
            self.names.setdefault(str(name), [])
        for count in ("minProperties", "maxProperties"):
            for index in range(min(int(part.get(count, -1)) + 1, len("abcdefgh"))):
                self.names.setdefault(f"other_{index}", [])


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _boundary_values(schema: Json) -> Iterator[Json]:
    """Yield values at the bounds that one schema object draws."""
    if not is_object(schema):
        return
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if keyword in schema:
            bound = schema[keyword]
            yield from (bound, bound - 1, bound + 1, bound - 0.5, bound + 0.5)
    if "multipleOf" in schema:
        step = schema["multipleOf"]
        yield from (step, 2 * step, 3 * step, step / 2, 5 * step)
    for keyword in ("minLength", "maxLength"):
        length = min(int(schema.get(keyword, _LONGEST)), _LONGEST)
        if keyword in schema:
            yield from ("a" * length, "a" * (length + 1), "a" * max(length - 1, 0))
    if "pattern" in schema:
        text = matching_text(schema["pattern"], int(schema.get("minLength", 0)))
        yield from (text, f"{text}{text}", f" {text}", f"{text} ", text.upper())
    yield from schema.get("enum", [])
    yield from schema.get("examples", [])
    yield from (schema[keyword] for keyword in ("const", "default") if keyword in schema)


def _mutate_all(values: list[Json], vocabulary: _KnownValues) -> Iterator[Json]:
    """Yield every value with one part changed, one change of each in turn."""
    streams = [_mutate(value, vocabulary) for value in values]
    while streams:
        for stream in list(streams):
            value = list(islice(stream, 1))
            yield from value
            if not value:
                streams.remove(stream)


def _mutate(value: Json, vocabulary: _KnownValues) -> Iterator[Json]:
    if is_object(value):
        yield from _mutate_object(value, vocabulary)
    elif is_list(value):
        yield from _mutate_list(value, vocabulary)
    elif isinstance(value, str):
        yield from (value + "a", value[:-1], value.upper())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from (value + 1, value - 1, value + 0.5, -value)
    yield from vocabulary.values


def _mutate_object(value: dict[str, Any], vocabulary: _KnownValues) -> Iterator[Json]:
    for name in value:
        yield {key: item for key, item in value.items() if key != name}
    for name, likely in vocabulary.names.items():
        yield from ({**value, name: item} for item in likely)
    for name in vocabulary.names:
        yield from ({**value, name: item} for item in vocabulary.values)
    for name, item in value.items():
        yield from ({**value, name: new} for new in _mutate(item, vocabulary))
    whole = {name: likely[0] if likely else None for name, likely in vocabulary.names.items()}
    yield {**whole, **value}


def _mutate_list(value: list[Any], vocabulary: _KnownValues) -> Iterator[Json]:
    for count in sorted(vocabulary.counts):
        for item in [*value[:1], *vocabulary.values]:
            yield [*value, *[item] * count][:count] if count > len(value) else value[:count]
    yield from ([*value, item] for item in (*value, *vocabulary.values))
    for index, item in enumerate(value):
        for new in _mutate(item, vocabulary):
            yield [*value[:index], new, *value[index + 1 :]]
    yield [*value, *value]
