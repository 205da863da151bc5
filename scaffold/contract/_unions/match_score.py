"""The match of a value with a member of a union, and which match is the best."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel
from pydantic_core import SchemaValidator

from scaffold.contract._json.types import Json, is_array, is_object


class Match(NamedTuple):
    """The result of reading a value by a node, and how well it fits."""

    value: Any
    fields: int | None = None
    """The number of properties set in all models; `None` without a model."""
    is_exact: bool = True


class ReadCache:
    """Results for the parts of one value, so that each part is read once by each node."""

    def __init__(self, *, is_json: bool) -> None:
        self.is_json = is_json
        self.known: dict[tuple[int, int], Match | None] = {}


class NodeReader(Protocol):
    """Reads values by one node of a core schema."""

    def prepare(self, node: Json, readers: "ReaderSource") -> None:
        """Store the content of the node. The readers of its parts may not be prepared yet."""

    def read(self, value: Any, run: ReadCache) -> Match | None:
        """Return the result for a value, or `None` if it does not fit."""
        ...


class ReaderSource(Protocol):
    """Makes the readers of one core schema."""

    definitions: Mapping[str, Json]

    def of(self, node: Json) -> NodeReader:
        """Return the reader of a node; it must be prepared before its first use."""
        ...

    def reached(self, node: Json) -> list[Json]:
        """Return all nodes that can be reached from a node, itself included."""
        ...

    def validator(self, node: Json) -> SchemaValidator:
        """Return the validator of pydantic for a node."""
        ...


def combine_matches(made: Any, fits: list[Match]) -> Match:
    """Return the match of a container whose parts match."""
    counts = [fit.fields for fit in fits if fit.fields is not None]
    return Match(made, sum(counts) if counts else None, all(fit.is_exact for fit in fits))


def is_better(new: Match, old: Match) -> bool:
    """Return whether pydantic would prefer the new match: more properties set, then exactness."""
    if new.fields is not None and old.fields is not None and new.fields != old.fields:
        return new.fields > old.fields
    return new.is_exact and not old.is_exact


def count_fields(value: Any) -> int | None:
    """Count the properties set in all models of a value; `None` without a model."""
    pending: list[Any] = [value]
    fields, models = 0, 0
    while pending:
        each = pending.pop()
        if isinstance(each, BaseModel):
            models += 1
            fields += len(type(each).model_fields.keys() & each.model_fields_set)
            pending += vars(each).values()
        elif is_object(each):
            pending += each.values()
        elif is_array(each):
            pending += each
    return fields if models else None
