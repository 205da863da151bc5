"""Types for msgspec that mean the same as core schemas of pydantic."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from itertools import repeat
from types import GenericAlias
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from msgspec import UNSET, defstruct, field

from scaffold.contract._fast_decode.model_builder import (
    Fill,
    can_fill,
    fill_dicts,
    fill_except,
    fill_lists,
    fill_models,
)
from scaffold.contract._fast_decode.supported_schemas import (
    LENGTHS,
    SUPPORTED_SETTINGS,
    UnsupportedSchema,
    check_supported,
    float_type,
    integer_type,
    is_bound_check,
    with_bounds,
)
from scaffold.contract._json import JSON_TYPE, MAX_DEPTH, Json


class StructType(NamedTuple):
    """A type for msgspec, and the filler for its values if they need one."""

    type: Any
    fill: Fill | None = None
    worth: int = 1
    """The gain of reading one value this way, in scalars; negative if it is a loss."""


def struct_type(core_schema: Json) -> StructType:
    """Return the type for a core schema.

    Raises `UnsupportedSchema`, or what msgspec raises for a type that it does not support.
    """
    return _StructTypes(core_schema.get("definitions", [])).of(core_schema)


class _StructTypes:
    """The types for the nodes of one core schema."""

    def __init__(self, definitions: list[Json]) -> None:
        self._definitions = {each["ref"]: each for each in definitions}
        self._known: dict[str, StructType] = {}
        self._containers = 0

    def of(self, schema: Json) -> StructType:
        """Return the type for a node; raise `UnsupportedSchema`."""
        make = _TYPE_MAKERS.get(schema["type"])
        self._containers += schema["type"] in _CONTAINERS
        if make is None or self._containers >= MAX_DEPTH:
            raise UnsupportedSchema
        return make(self, check_supported(schema))

    def follow(self, reference: str) -> StructType:
        """Return the type for a definition; raise if the definition contains itself."""
        if reference not in self._known:
            definition = self._definitions.pop(reference, None)
            if definition is None:
                raise UnsupportedSchema
            self._known[reference] = self.of(definition)
        return self._known[reference]


def _string(_shapes: _StructTypes, schema: Json) -> StructType:
    return StructType(with_bounds(str, schema, LENGTHS))


def _literal(_shapes: _StructTypes, schema: Json) -> StructType:
    expected = tuple(schema["expected"])
    if not set(map(type, expected)) <= {str, int}:
        raise UnsupportedSchema
    return StructType(Literal[expected])


def _nullable(shapes: _StructTypes, schema: Json) -> StructType:
    type_, fill, worth = shapes.of(schema["schema"])
    return StructType(type_ | None, fill and fill_except(fill, None), worth)


def _list(shapes: _StructTypes, schema: Json) -> StructType:
    type_, fill, worth = _repeated_part(shapes.of(schema.get("items_schema", _ANYTHING)))
    return StructType(
        with_bounds(GenericAlias(list, type_), schema, LENGTHS), fill and fill_lists(fill), worth
    )


def _dict(shapes: _StructTypes, schema: Json) -> StructType:
    names = schema.get("keys_schema", _ANYTHING)
    if names["type"] != "str":
        raise UnsupportedSchema
    type_, fill, worth = _repeated_part(shapes.of(schema.get("values_schema", _ANYTHING)))
    return StructType(
        GenericAlias(dict, (shapes.of(names).type, type_)), fill and fill_dicts(fill), worth
    )


def _repeated_part(part: StructType) -> StructType:
    """Return the part of a container; raise if many of them would be slower than in pydantic."""
    if part.worth < 0:
        raise UnsupportedSchema
    return part._replace(worth=_LIST_GAIN)


def _int(_shapes: _StructTypes, schema: Json) -> StructType:
    return StructType(integer_type(schema))


def _float(_shapes: _StructTypes, schema: Json) -> StructType:
    return StructType(float_type(schema))


def _number(_shapes: _StructTypes, schema: Json) -> StructType:
    """Return the type for `Integer` or `Number`; each bound is a node around them."""
    bounds: dict[str, Any] = {}
    while schema["type"] == "function-after":
        function = check_supported(schema)["function"].get("function")
        if not is_bound_check(function):
            raise UnsupportedSchema
        for name, bound in function.keywords.items():
            if name in bounds:
                raise UnsupportedSchema
            bounds[name] = bound
        schema = schema["schema"]
    match (
        check_supported(schema).get("metadata", {}).get(JSON_TYPE)
        if schema["type"] == "union"
        else None
    ):
        case "integer":
            return StructType(integer_type(bounds))
        case "number":
            return StructType(integer_type(bounds) | float_type(bounds))
        case _:
            raise UnsupportedSchema


def _model(shapes: _StructTypes, schema: Json) -> StructType:
    model, content, settings = schema["cls"], schema["schema"], schema.get("config", {})
    if (
        schema.get("custom_init")
        or schema.get("root_model")
        or not settings.keys() <= SUPPORTED_SETTINGS
        or not settings.get("validate_by_alias", True)
        or content["type"] != "model-fields"
        or not can_fill(model)
    ):
        raise UnsupportedSchema
    members: list[tuple[str, Any, Any]] = []
    parts: dict[str, Fill] = {}
    defaults: dict[str, Callable[[], Any]] = {}
    worth = -MODEL_COST
    for name, member in check_supported(content)["fields"].items():
        alias, inner = check_supported(member).get("validation_alias", name), member["schema"]
        if not isinstance(alias, str):
            raise UnsupportedSchema
        if inner["type"] == "default":
            defaults[name] = _default(check_supported(inner))
            inner = inner["schema"]
        optional: dict[str, Any] = {"default": UNSET} if name in defaults else {}
        part = shapes.of(inner)
        members.append((name, part.type, field(name=alias, **optional)))
        if part.fill is not None:
            parts[name] = fill_except(part.fill, UNSET) if optional else part.fill
            worth += min(part.worth, 0) - 1
        else:
            worth += -_OPTIONAL_COST if optional else part.worth
    # Without the garbage collector: a struct is dropped at once, and is not part of a cycle.
    struct = defstruct(model.__name__, members, kw_only=True, forbid_unknown_fields=True, gc=False)
    extra = settings.get("extra_fields_behavior")
    extras = _empty_objects if extra == "allow" else _nothing
    fill = fill_models(model, content["fields"], extras=extras, defaults=defaults, parts=parts)
    return StructType(struct, fill, worth)


def _default(schema: Json) -> Callable[[], Any]:
    """Return a function for the default of a property; like pydantic, it copies a mutable one."""
    if "default" not in schema:
        raise UnsupportedSchema
    value = schema["default"]
    try:
        hash(value)
    except TypeError:
        return partial(deepcopy, value)
    return lambda: value


def _nothing() -> Iterator[Any]:
    return repeat(None)


def _empty_objects() -> Iterator[Any]:
    """Yield empty objects without end, a new one each time."""
    return iter(dict[str, Json], None)


_Make: TypeAlias = Callable[[_StructTypes, Json], StructType]

_TYPE_MAKERS: Final[Mapping[str, _Make]] = {
    "bool": lambda _shapes, _schema: StructType(bool),
    "none": lambda _shapes, _schema: StructType(None),
    "str": _string,
    "int": _int,
    "float": _float,
    "literal": _literal,
    "nullable": _nullable,
    "list": _list,
    "dict": _dict,
    "union": _number,
    "function-after": _number,
    "model": _model,
    "definitions": lambda shapes, schema: shapes.of(schema["schema"]),
    "definition-ref": lambda shapes, schema: shapes.follow(schema["schema_ref"]),
}
"""Make the type for a node, by node type."""

MODEL_COST: Final = 4
"""The cost of building a model, in scalars whose reading it must save.

So lists of points, of pairs, and of objects with mostly absent properties are left to pydantic.
"""

_OPTIONAL_COST: Final = 2
"""The cost of an optional property, which is mostly absent."""

_LIST_GAIN: Final = 3
"""The gain of a list of any length."""

_CONTAINERS: Final = frozenset({"list", "dict", "model"})
"""With fewer nested containers than pydantic reads, no text can be too deep."""

_ANYTHING: Final = {"type": "any"}
