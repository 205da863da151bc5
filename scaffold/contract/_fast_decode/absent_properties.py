"""The limit on the absent properties of a payload.

An object in Python has an attribute for each property of its class, absent or not. So a megabyte of
`{}` under a class of 100 optional properties would take 1.2 GB and seconds. A text with too many
absent properties is refused. They are counted only in a text that has enough braces for it.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Final, TypeVar

from msgspec import MsgspecError
from msgspec.json import Decoder
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from scaffold.contract._json import Json, is_array, without_gc
from scaffold.contract._unions.cost import schema_nodes, union_members

T = TypeVar("T")

FREE_PER_OBJECT: Final = 20
"""Absent properties of one object that do not count: they cost little next to the object."""

BYTES_PER_ABSENT: Final = 2
"""Bytes of a text that allow one absent property more."""

MAX_ABSENT: Final = 400_000
"""Absent properties that every text may have."""

MAX_ABSENT_VARIABLE: Final = "SCAFFOLD_MAX_ABSENT_PROPERTIES"
"""The environment variable for another number."""

_BRACE: Final = ord("{")
_SHORTEST_ITEM: Final = len("{},")
"""Bytes of an object in a list, at least."""


def max_absent() -> int:
    """Return how many absent properties every text may have in this process."""
    given = os.environ.get(MAX_ABSENT_VARIABLE, "")
    return int(given) if given.isdecimal() else MAX_ABSENT


def limit_absent(core_schema: Json, read: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """Return a reader that refuses texts with too many absent properties.

    Args:
        core_schema: The core schema that pydantic made of the type.
        read: The reader; it is returned unchanged if the type can never exceed the limit.
    """
    counted = max(map(_optional_properties, schema_nodes(core_schema)), default=0) - FREE_PER_OBJECT
    if counted <= 0:
        return read
    constant = max_absent()
    counter = _AbsentProperties(core_schema)
    decode = without_gc(Decoder().decode)

    def limited(data: bytes) -> T:
        limit = constant + len(data) // BYTES_PER_ABSENT
        most = counted * len(data) // _SHORTEST_ITEM
        if most > limit and counted * data.count(_BRACE) > limit:
            try:
                value = decode(data)
            except (MsgspecError, ValueError, RecursionError):
                return read(data)
            if counter.exceed(value, limit):
                raise _too_many(limit)
        return read(data)

    return limited


def _too_many(limit: int) -> ValidationError:
    message = "the objects lack more than {limit} optional properties, which is the limit here"
    kind = PydanticCustomError("json", message, {"limit": limit})
    return ValidationError.from_exception_data(
        "payload", [{"type": kind, "loc": (), "input": None}], hide_input=True
    )


def _optional_properties(node: Json) -> int:
    if node["type"] != "model-fields":
        return 0
    return sum(each["schema"]["type"] == "default" for each in node["fields"].values())


class _Place:
    """What a type holds at one place of a payload; the members of unions are taken together."""

    def __init__(self) -> None:
        self.optional = 0
        """The most optional properties of a class."""
        self.properties: dict[str, list[Json]] = {}
        self.values: list[Json] = []
        self.items: list[Json] = []


class _AbsentProperties:
    """Counts the absent properties in values of one type."""

    def __init__(self, core_schema: Json) -> None:
        self._definitions = {each["ref"]: each for each in core_schema.get("definitions", ())}
        self._root = core_schema
        self._places: dict[tuple[int, ...], _Place] = {}

    def exceed(self, value: Json, limit: int) -> bool:
        """Return whether a value has more absent properties than the limit."""
        found = 0
        pending = [iter([([self._root], value)])]
        while pending:
            step = next(pending[-1], None)
            if step is None:
                pending.pop()
                continue
            nodes, part = step
            if type(part) not in _CONTAINERS or not nodes:
                continue
            place = self._place(nodes)
            if is_array(part):
                pending.append(zip(repeat(place.items), part))
                continue
            found += max(0, place.optional - len(part) - FREE_PER_OBJECT)
            if found > limit:
                return True
            if part:
                pending.append(_members(place, part))
        return False

    def _place(self, nodes: list[Json]) -> _Place:
        key = tuple(map(id, nodes))
        known = self._places.get(key)
        if known is None:
            known = self._places[key] = _Place()
            for node in self._resolved(nodes):
                _add(known, node)
        return known

    def _resolved(self, nodes: Iterable[Json]) -> Iterator[Json]:
        """Yield the nodes of classes, lists and dictionaries that nodes stand for."""
        pending, seen = list(nodes), set[int]()
        while pending:
            node = pending.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            match node["type"]:
                case "model-fields" | "list" | "dict":
                    yield node
                case "definition-ref":
                    pending.append(self._definitions[node["schema_ref"]])
                case "union":
                    pending += union_members(node)
                case "tagged-union":
                    pending += node["choices"].values()
                case _:
                    pending += [node[name] for name in _INNER if isinstance(node.get(name), dict)]


def _members(place: _Place, value: dict[str, Json]) -> Iterator[tuple[list[Json], Json]]:
    properties, values = place.properties, place.values
    return ((properties.get(name, values), part) for name, part in value.items())


def _add(place: _Place, node: Json) -> None:
    """Add what one node holds."""
    match node["type"]:
        case "model-fields":
            place.optional = max(place.optional, _optional_properties(node))
            for name, field in node["fields"].items():
                alias = field.get("validation_alias", name)
                place.properties.setdefault(alias, []).append(field["schema"])
        case "list":
            place.items += [node["items_schema"]] if "items_schema" in node else []
        case _:
            place.values += [node["values_schema"]] if "values_schema" in node else []


_INNER: Final = ("schema", "json_schema")
"""The keys with the inner nodes of a node that accepts what they accept."""
_CONTAINERS: Final = frozenset({dict, list})
