"""What of pydantic's core schemas msgspec checks in the same way, as types that it decodes."""

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
from scaffold.contract._fast_decode.numeric_bounds import (
    LENGTHS,
    float_type,
    integer_type,
    is_bound_check,
    with_bounds,
)
from scaffold.contract._fast_decode.supported_schemas import (
    SUPPORTED_SETTINGS,
    UnsupportedSchema,
    check_supported,
)
from scaffold.contract._json.types import JSON_TYPE, MAX_DEPTH, Json

__all__ = ["StructType", "struct_type"]


class StructType(NamedTuple):
    """A type for msgspec, and how its values are filled in if they do not stand for themselves."""

    type: Any
    fill: Fill | None = None
    worth: int = 1
    """What reading one this way saves, in numbers and texts; less than 0 if it costs."""


def struct_type(core_schema: Json) -> StructType:
    """Return the shape of what a core schema describes.

    Raises `UnsupportedSchema`, and what msgspec raises if it finds that it does not support a type.
    """
    return _StructTypes(core_schema.get("definitions", [])).of(core_schema)


class _StructTypes:
    """The shapes of one core schema, whose definitions are these."""

    def __init__(self, definitions: list[Json]) -> None:
        self._definitions = {each["ref"]: each for each in definitions}
        self._known: dict[str, StructType] = {}
        self._containers = 0

    def of(self, schema: Json) -> StructType:
        """Return the shape of a node; raise `UnsupportedSchema`."""
        make = _TYPE_MAKERS.get(schema["type"])
        self._containers += schema["type"] in _CONTAINERS
        if make is None or self._containers >= MAX_DEPTH:
            raise UnsupportedSchema
        return make(self, check_supported(schema))

    def follow(self, reference: str) -> StructType:
        """Return the shape of a definition; one that contains itself has none."""
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
    """Return what many of a shape are; raise if many of them would take longer than they do."""
    if part.worth < 0:
        raise UnsupportedSchema
    return part._replace(worth=_LIST_GAIN)


def _int(_shapes: _StructTypes, schema: Json) -> StructType:
    return StructType(integer_type(schema))


def _float(_shapes: _StructTypes, schema: Json) -> StructType:
    return StructType(float_type(schema))


def _number(_shapes: _StructTypes, schema: Json) -> StructType:
    """Return the shape of our `Integer` or `Number`; their bounds wrap them, one by one."""
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
    # No cycle leads through a struct: it is gone as soon as it is filled in.
    struct = defstruct(model.__name__, members, kw_only=True, forbid_unknown_fields=True, gc=False)
    extra = settings.get("extra_fields_behavior")
    extras = _empty_objects if extra == "allow" else _nothing
    fill = fill_models(model, content["fields"], extras=extras, defaults=defaults, parts=parts)
    return StructType(struct, fill, worth)


def _default(schema: Json) -> Callable[[], Any]:
    """Return what makes the value of an absent property; pydantic copies one that may change."""
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
"""What makes the shape of a node, by its type."""

MODEL_COST: Final = 4
"""What it costs to fill in a model, in numbers and texts that its properties save.

So points, pairs and objects of which most properties are absent are left to pydantic, if there may
be many of them.
"""

_OPTIONAL_COST: Final = 2
"""What a property costs that is most often absent."""

_LIST_GAIN: Final = 3
"""What a list saves, however short."""

_CONTAINERS: Final = frozenset({"list", "dict", "model"})
"""Of fewer than pydantic reads levels none can be too deep."""

_ANYTHING: Final = {"type": "any"}
