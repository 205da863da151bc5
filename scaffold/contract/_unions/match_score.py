"""What members of unions make of values, and which of them fits best."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel
from pydantic_core import SchemaValidator

from scaffold.contract._json.types import Json, is_array, is_object

__all__ = [
    "Match",
    "NodeReader",
    "ReadCache",
    "ReaderSource",
    "combine_matches",
    "count_fields",
    "is_better",
]


class Match(NamedTuple):
    """What a node makes of a value, and how well it fits."""

    value: Any
    fields: int | None = None
    """Properties set, in all models together; `None` if there is no model."""
    is_exact: bool = True


class ReadCache:
    """The reading of one value: what is known of its parts."""

    def __init__(self, *, is_json: bool) -> None:
        self.is_json = is_json
        self.known: dict[tuple[int, int], Match | None] = {}


class NodeReader(Protocol):
    """Reads the values of one node."""

    def prepare(self, node: Json, readers: "ReaderSource") -> None:
        """Take what the node says; the readers of its parts may not be prepared yet."""

    def read(self, value: Any, run: ReadCache) -> Match | None:
        """Return what the node makes of a value; `None` if it does not fit."""
        ...


class ReaderSource(Protocol):
    """Makes the readers of one core schema."""

    definitions: Mapping[str, Json]

    def of(self, node: Json) -> NodeReader:
        """Return the reader of a node, to be prepared before it is used."""
        ...

    def reached(self, node: Json) -> list[Json]:
        """Return all nodes that a node leads to, itself included."""
        ...

    def validator(self, node: Json) -> SchemaValidator:
        """Return pydantic's own reader of a node."""
        ...


def combine_matches(made: Any, fits: list[Match]) -> Match:
    """Return what a container is whose parts fit."""
    counts = [fit.fields for fit in fits if fit.fields is not None]
    return Match(made, sum(counts) if counts else None, all(fit.is_exact for fit in fits))


def is_better(new: Match, old: Match) -> bool:
    """Tell whether pydantic would take the new fit: more properties set, then more exact."""
    if new.fields is not None and old.fields is not None and new.fields != old.fields:
        return new.fields > old.fields
    return new.is_exact and not old.is_exact


def count_fields(value: Any) -> int | None:
    """Count the properties set in all models of a value; `None` if there is no model."""
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
