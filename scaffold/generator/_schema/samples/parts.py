"""The parts of a sample: values for each, checked on its own, and combined into a whole.

Parts that hold under a condition, names by pattern, and texts have their candidates here, too.
"""

import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from scaffold._validators import (
    Validator,
    compile_errors,
    compile_in_own_draft,
    compile_schema,
    make_registry,
)
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.samples.pattern_sampler import matching_text
from scaffold.generator._schema.types.constraints import Constraints
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.pointers import pointer_fragment
from scaffold.generator.ir import Json

VARIANTS = 6
"""Values that are tried for one part while the others stay."""
DISTINCT = 25
"""Further numbers and texts, for lists whose items must differ."""
_TRIES = 60
"""Values that are checked to find valid ones for one part."""


class LazyValues:
    """Values that are made when they are asked for, and then kept."""

    def __init__(self, values: Iterator[Json]) -> None:
        self._values = values
        self._made: list[Json] = []

    def first(self, count: int) -> list[Json]:
        """Return up to `count` values."""
        self._made += islice(self._values, max(0, count - len(self._made)))
        return self._made[:count]


class PartSampler:
    """Values for the parts of a self-contained schema; `checked` keeps the valid ones only."""

    def __init__(self, documents: Documents, *, checked: bool) -> None:
        self._documents = documents
        self._checked = checked
        self._validators: dict[int, Validator | None] = {}

    def stream(self, values: Iterator[Json], schemas: tuple[Json, ...]) -> LazyValues:
        """Return the values that fit all of some schemas, each checked when it is asked for."""
        if not self._checked:
            return LazyValues(values)
        return LazyValues(value for value in islice(values, _TRIES) if self._fits(value, schemas))

    def _fits(self, value: Json, schemas: tuple[Json, ...]) -> bool:
        validators = (self._validator_of(schema) for schema in schemas)
        return all(checker is None or checker.is_valid(value) for checker in validators)

    def _validator_of(self, schema: Json) -> "Validator | None":
        """Compile a part where it stands; `None` if it is only known in a whole value."""
        if isinstance(schema, bool):
            return compile_schema(schema)
        if id(schema) not in self._validators:
            document, at = self._documents.locate(schema)
            registry = make_registry(document.uri, document.value)
            reference = {"$ref": f"{document.uri}#{pointer_fragment(at)}"}
            unusable: tuple[type[Exception], ...] = (*compile_errors(), ValueError)
            try:
                checker = compile_in_own_draft(reference, registry)
            except unusable:
                checker = None
            self._validators[id(schema)] = checker
        return self._validators[id(schema)]


def combine(streams: dict[str, LazyValues]) -> Iterator[dict[str, Any]]:
    """Yield objects: every part at its best, then with one part changed."""
    best = {name: stream.first(1) for name, stream in streams.items()}
    if not all(best.values()):
        return
    whole = {name: values[0] for name, values in best.items()}
    yield whole
    for name, stream in streams.items():
        for value in stream.first(VARIANTS)[1:]:
            yield {**whole, name: value}


_MORE = 3
"""Lengths of a text that are tried, beyond the shortest."""


def conditional_schemas(constraints: Constraints) -> Iterator[tuple[Json, ...]]:
    """Yield schemas that an object may be held to in addition, so that all conditions hold."""
    for source in _sources(constraints):
        if "if" in source:
            yield (source["if"], source.get("then", True))
            yield (source.get("else", True),)
    needed = _needed(constraints)
    if needed:
        yield tuple(needed)
    for source in _sources(constraints):
        if "if" in source and needed:
            yield (source["if"], source.get("then", True), *needed)
            yield (source.get("else", True), *needed)


def _needed(constraints: Constraints) -> list[Json]:
    """Return what the required properties need: other properties, and schemas."""
    wanted, found = list(constraints.required), list[Json]()
    for name in wanted:  # grows while it is read
        for source in _sources(constraints):
            others = source.get("dependentRequired", {}).get(name, [])
            wanted += [other for other in others if other not in wanted]
            if name in source.get("dependentSchemas", {}):
                found.append(source["dependentSchemas"][name])
    more: Json = {"required": wanted}
    return [more, *found] if found or len(wanted) > len(constraints.required) else []


def undeclared_names(constraints: Constraints, count: int) -> dict[str, tuple[Json, ...]]:
    """Return names of so many undeclared properties, with the schemas that they are held to."""
    found: dict[str, tuple[Json, ...]] = {}
    for source in _sources(constraints):
        for pattern, schema in source.get("patternProperties", {}).items():
            found |= dict.fromkeys(_pattern_texts(pattern, count), (schema,))
    for source in _sources(constraints):
        names_schema: Json = source.get("propertyNames")
        if is_object(names_schema) and isinstance(names_schema.get("pattern"), str):
            texts = _pattern_texts(names_schema["pattern"], count)
            found |= {text: found.get(text, constraints.values) for text in texts}
    found |= {f"key_{index}": constraints.values for index in range(1, count + 1)}
    return {name: found[name] for name in list(found)[:count]}


def joined_texts(patterns: tuple[str, ...], least: int) -> Iterator[str]:
    """Yield texts that may match several patterns: one text of each, in both orders."""
    texts = [matching_text(pattern, 0) for pattern in patterns]
    for parts in (texts, texts[::-1]):
        whole = "".join(parts)
        yield whole
        yield parts[0] + "x" * (least - len(whole)) + "".join(parts[1:])


def _pattern_texts(pattern: str, count: int) -> list[str]:
    return list(dict.fromkeys(matching_text(pattern, least) for least in range(count * _MORE + 8)))


def _sources(constraints: Constraints) -> Iterator[dict[str, Json]]:
    return (source for source in constraints.sources if is_object(source))


MAX_LENGTH = 10_000
"""Characters of a text, items of a list, properties of an object: of more no sample is made."""

_FORMATS = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.org",
    "idn-email": "someone@example.org",
    "hostname": "example.org",
    "idn-hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/",
    "uri-reference": "/example",
    "iri": "https://example.org/",
    "iri-reference": "/example",
    "uri-template": "/example/{id}",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/example",
    "relative-json-pointer": "0",
    "regex": "^example$",
}

_WORDS = (
    "example",
    "Example",
    "example-1",
    "example_1",
    "example.1",
    "EXAMPLE",
    "1.0.0",
    "en",
    "1",
)


def text_samples(constraints: Constraints) -> list[str]:
    """Return texts, those first that match the patterns and the length."""
    texts = list(dict.fromkeys(_texts(constraints)))
    return sorted(texts, key=lambda text: not _keeps_to(constraints, text))


def _texts(constraints: Constraints) -> Iterator[str]:
    """Yield texts: by format, by pattern, of the right length."""
    least = int(constraints.bounds.get("minLength", 0))
    if least > MAX_LENGTH:
        return
    most = constraints.bounds.get("maxLength")
    if constraints.format in _FORMATS:
        yield _FORMATS[constraints.format]
    yield ("example " * (least // 8 + 1))[: max(least, 7)][: None if most is None else int(most)]
    for pattern in constraints.patterns:
        # A word, if one will do: of many values only the first few are tried in an object.
        yield from (word for word in _WORDS if _may_match(pattern, word))
        yield matching_text(pattern, least)
    if len(constraints.patterns) > 1:
        yield from joined_texts(tuple(constraints.patterns), least)
    yield from _WORDS
    if not constraints.patterns:
        yield from (f"example {number}" for number in range(1, DISTINCT))


def _keeps_to(constraints: Constraints, text: str) -> bool:
    """Guess whether a text is valid; the validator has the last word."""
    low, high = (
        constraints.bounds.get("minLength", 0),
        constraints.bounds.get("maxLength", math.inf),
    )
    return low <= len(text) <= high and all(_may_match(each, text) for each in constraints.patterns)


def _may_match(pattern: str, word: str) -> bool:
    """Guess whether a pattern matches; the validator has the last word."""
    try:
        return re.search(pattern, word) is not None
    except (re.error, RecursionError, OverflowError):
        return False
