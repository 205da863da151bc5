"""Readers of unions, and of containers with unions inside: each part is read once.

A reader returns a match: the result, and how well the value fits. The best match wins.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol, TypeGuard

from pydantic import BaseModel
from pydantic_core import SchemaValidator

from scaffold.contract._json import Json, is_array, is_object
from scaffold.contract._unions.cost import ARRAY, OBJECT, accepted_containers, union_members


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


_ANYTHING: Final = {"type": "any"}


class _UnionReader:
    """Reads a union by the member that fits best."""

    def prepare(self, node: Json, readers: ReaderSource) -> None:
        self._first = node.get("mode") == "left_to_right"
        members = [
            (readers.of(each), accepted_containers(each, readers.definitions))
            for each in union_members(node)
        ]
        self._all = [reader for reader, _ in members]
        self._objects = [reader for reader, sorts in members if OBJECT in sorts]
        self._arrays = [reader for reader, sorts in members if ARRAY in sorts]

    def read(self, value: Any, run: ReadCache) -> Match | None:
        if _is_dict(value):
            members = self._objects
        elif _is_list(value):
            members = self._arrays
        else:
            members = self._all
        if len(members) == 1:
            return members[0].read(value, run)
        best: Match | None = None
        for member in members:
            fit = member.read(value, run)
            if fit is None:
                continue
            if self._first or (fit.is_exact and fit.fields is None):
                return fit
            if best is None or is_better(fit, best):
                best = fit
        return best


class _TaggedUnionReader:
    """Reads a union whose members have different values of a tag property."""

    def prepare(self, node: Json, readers: ReaderSource) -> None:
        self._members = {tag: readers.of(each) for tag, each in node["choices"].items()}
        self._all = list(self._members.values())
        tag = node["discriminator"]
        self._tags = [tag] if isinstance(tag, str) else [path[0] for path in tag]

    def read(self, value: Any, run: ReadCache) -> Match | None:
        for name in self._tags:
            tag = value.get(name) if _is_dict(value) else getattr(value, name, None)
            member = self._members.get(tag) if isinstance(tag, str | int) else None
            if member is not None:
                return member.read(value, run)
        return None


class _NullableReader:
    def prepare(self, node: Json, readers: ReaderSource) -> None:
        self._inner = readers.of(node["schema"])

    def read(self, value: Any, run: ReadCache) -> Match | None:
        return Match(None) if value is None else self._inner.read(value, run)


class _ListReader:
    def prepare(self, node: Json, readers: ReaderSource) -> None:
        self._items = readers.of(node.get("items_schema", _ANYTHING))
        self._least, self._most = node.get("min_length") or 0, node.get("max_length")

    def read(self, value: Any, run: ReadCache) -> Match | None:
        if not _is_list(value) or len(value) < self._least:
            return None
        if self._most is not None and len(value) > self._most:
            return None
        key = id(self), id(value)
        if key not in run.known:
            fits: list[Match] = []
            for item in value:
                fit = self._items.read(item, run)
                if fit is None:
                    break
                fits.append(fit)
            whole = len(fits) == len(value)
            run.known[key] = combine_matches([fit.value for fit in fits], fits) if whole else None
        return run.known[key]


class _DictReader:
    def prepare(self, node: Json, readers: ReaderSource) -> None:
        self._names = readers.of(node.get("keys_schema", _ANYTHING))
        self._values = readers.of(node.get("values_schema", _ANYTHING))

    def read(self, value: Any, run: ReadCache) -> Match | None:
        if not _is_dict(value):
            return None
        key = id(self), id(value)
        if key not in run.known:
            fits: list[Match] = []
            for name, part in value.items():
                fit = self._values.read(part, run)
                if fit is None or self._names.read(name, run) is None:
                    break
                fits.append(fit)
            whole = len(fits) == len(value)
            made = dict(zip(value, [fit.value for fit in fits], strict=False))
            run.known[key] = combine_matches(made, fits) if whole else None
        return run.known[key]


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return type(value) is list


def _is_dict(value: Any) -> TypeGuard[dict[Any, Any]]:
    return type(value) is dict


CONTAINER_READERS: Final[dict[str, type[NodeReader]]] = {
    "union": _UnionReader,
    "tagged-union": _TaggedUnionReader,
    "nullable": _NullableReader,
    "list": _ListReader,
    "dict": _DictReader,
}
"""The readers of nodes that may have unions inside, by node type, without models."""
