"""Types with unions that would cost too much to try: what reads and writes them instead."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic_core import SchemaSerializer, SchemaValidator

from scaffold._concurrency.safe_imports import import_safely
from scaffold.contract._json.types import Json, is_array, is_object
from scaffold.contract._unions.cost import crowded

__all__ = ["Guard", "guard", "hasty"]


class Guard(NamedTuple):
    """What reads and writes a type, in linear time."""

    validator: SchemaValidator
    serializer: SchemaSerializer


def hasty(core_schema: Json, config: Any) -> SchemaValidator:
    """Return what reads as pydantic does, and ends at the first wrong item of a list or a map.

    Pydantic collects every error of every item: 3 s and 500 MB for a megabyte of wrong items.
    """
    schema = _failing_fast(_guarded(core_schema, config, crowded(core_schema)))
    return SchemaValidator(schema, config, _use_prebuilt=False)


def _failing_fast(node: Json) -> Json:
    if is_object(node):
        copy = {name: _failing_fast(part) for name, part in node.items()}
        return {**copy, "fail_fast": True} if node.get("type") in _MANY else copy
    if is_array(node):
        return [_failing_fast(part) for part in node]
    return node


def guard(core_schema: Json, config: Any) -> Guard | None:
    """Return what reads and writes a type in pydantic's place; `None` if there is no need.

    `config` is what holds for nodes outside of models. A union is written as what it holds: to ask
    its members again, one by one, would cost as much as to read it so.
    """
    unions = crowded(core_schema)
    if not unions:
        return None
    schema = _guarded(core_schema, config, unions)
    return Guard(
        SchemaValidator(schema, config, _use_prebuilt=False),
        SchemaSerializer(schema, config, _use_prebuilt=False),
    )


def _guarded(core_schema: Json, config: Any, unions: Mapping[int, Json]) -> Json:
    if not unions:
        return core_schema
    import_safely("scaffold.contract._unions.member_choice")
    from scaffold.contract._unions.member_choice import Chooser

    definitions = {each["ref"]: each for each in core_schema.get("definitions", ())}
    places = {
        identity: {
            "type": "function-plain",
            "function": {"type": "with-info", "function": Chooser(union, definitions, config)},
            "serialization": _AS_IT_IS,
        }
        for identity, union in unions.items()
    }
    return _replaced(core_schema, places)


def _replaced(node: Json, places: Mapping[int, Json]) -> Json:
    if id(node) in places:
        return places[id(node)]
    if is_object(node):
        return {name: _replaced(part, places) for name, part in node.items()}
    if is_array(node):
        return [_replaced(part, places) for part in node]
    return node


_MANY: Final = ("list", "dict")
_AS_IT_IS: Final = {"type": "any"}
