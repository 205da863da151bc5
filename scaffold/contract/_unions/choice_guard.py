"""Validators and serializers for types with costly unions, in linear time."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic_core import SchemaSerializer, SchemaValidator

from scaffold._concurrency.safe_imports import import_safely
from scaffold.contract._json import Json, is_array, is_object
from scaffold.contract._unions.cost import costly_unions


class UnionCodec(NamedTuple):
    """The validator and the serializer of a type, in linear time."""

    validator: SchemaValidator
    serializer: SchemaSerializer


def fail_fast_validator(core_schema: Json, config: Any) -> SchemaValidator:
    """Return a validator that stops at the first wrong item of a list or a dictionary.

    Pydantic collects all errors of all items: 3 s and 500 MB for a megabyte of wrong items.
    """
    schema = _with_fail_fast(_with_union_readers(core_schema, config, costly_unions(core_schema)))
    return SchemaValidator(schema, config, _use_prebuilt=False)


def _with_fail_fast(node: Json) -> Json:
    if is_object(node):
        copy = {name: _with_fail_fast(part) for name, part in node.items()}
        return {**copy, "fail_fast": True} if node.get("type") in _FAIL_FAST_TYPES else copy
    if is_array(node):
        return [_with_fail_fast(part) for part in node]
    return node


def linear_union_codec(core_schema: Json, config: Any) -> UnionCodec | None:
    """Return the replacement of pydantic's validator and serializer; `None` if none is needed.

    A union is written without a look at its members: trying them is as costly as in reading.

    Args:
        core_schema: The core schema that pydantic made of the type.
        config: The configuration for nodes outside of models.
    """
    unions = costly_unions(core_schema)
    if not unions:
        return None
    schema = _with_union_readers(core_schema, config, unions)
    return UnionCodec(
        SchemaValidator(schema, config, _use_prebuilt=False),
        SchemaSerializer(schema, config, _use_prebuilt=False),
    )


def _with_union_readers(core_schema: Json, config: Any, unions: Mapping[int, Json]) -> Json:
    if not unions:
        return core_schema
    import_safely("scaffold.contract._unions.member_choice")
    from scaffold.contract._unions.member_choice import UnionReader

    definitions = {each["ref"]: each for each in core_schema.get("definitions", ())}
    places = {
        identity: {
            "type": "function-plain",
            "function": {"type": "with-info", "function": UnionReader(union, definitions, config)},
            "serialization": _WRITE_AS_IS,
        }
        for identity, union in unions.items()
    }
    return _replace_nodes(core_schema, places)


def _replace_nodes(node: Json, places: Mapping[int, Json]) -> Json:
    if id(node) in places:
        return places[id(node)]
    if is_object(node):
        return {name: _replace_nodes(part, places) for name, part in node.items()}
    if is_array(node):
        return [_replace_nodes(part, places) for part in node]
    return node


_FAIL_FAST_TYPES: Final = ("list", "dict")
_WRITE_AS_IS: Final = {"type": "any"}
