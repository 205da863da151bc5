"""The parts of a sample: values for each, checked on its own, and combined into a whole."""

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
from scaffold.generator._schema.documents.documents import Documents
from scaffold.generator._source.pointers import pointer_fragment
from scaffold.generator.ir import Json

VARIANTS = 6
"""Values that are tried for one part while the others stay."""
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
