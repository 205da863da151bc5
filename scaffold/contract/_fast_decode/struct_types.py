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
    dicts,
    fillable,
    lists,
    models,
    others,
)
from scaffold.contract._fast_decode.numeric_bounds import LENGTHS, bounded, compares, real, whole
from scaffold.contract._fast_decode.supported_schemas import SETTINGS, NoShape, known
from scaffold.contract._json.types import DEEPEST, JSON_TYPE, Json

__all__ = ["Shape", "shape"]


class Shape(NamedTuple):
    """A type for msgspec, and how its values are filled in if they do not stand for themselves."""

    type: Any
    fill: Fill | None = None
    worth: int = 1
    """What reading one this way saves, in numbers and texts; less than 0 if it costs."""


def shape(core_schema: Json) -> Shape:
    """Return the shape of what a core schema describes.

    Raises `NoShape`, and what msgspec raises if it finds that it does not support a type.
    """
    return _Shapes(core_schema.get("definitions", [])).of(core_schema)


class _Shapes:
    """The shapes of one core schema, whose definitions are these."""

    def __init__(self, definitions: list[Json]) -> None:
        self._definitions = {each["ref"]: each for each in definitions}
        self._known: dict[str, Shape] = {}
        self._containers = 0

    def of(self, schema: Json) -> Shape:
        """Return the shape of a node; raise `NoShape`."""
        make = _SHAPES.get(schema["type"])
        self._containers += schema["type"] in _CONTAINERS
        if make is None or self._containers >= DEEPEST:
            raise NoShape
        return make(self, known(schema))

    def follow(self, reference: str) -> Shape:
        """Return the shape of a definition; one that contains itself has none."""
        if reference not in self._known:
            definition = self._definitions.pop(reference, None)
            if definition is None:
                raise NoShape
            self._known[reference] = self.of(definition)
        return self._known[reference]


def _string(_shapes: _Shapes, schema: Json) -> Shape:
    return Shape(bounded(str, schema, LENGTHS))


def _literal(_shapes: _Shapes, schema: Json) -> Shape:
    expected = tuple(schema["expected"])
    if not set(map(type, expected)) <= {str, int}:
        raise NoShape
    return Shape(Literal[expected])


def _nullable(shapes: _Shapes, schema: Json) -> Shape:
    type_, fill, worth = shapes.of(schema["schema"])
    return Shape(type_ | None, fill and others(fill, None), worth)


def _list(shapes: _Shapes, schema: Json) -> Shape:
    type_, fill, worth = _worthwhile(shapes.of(schema.get("items_schema", _ANYTHING)))
    return Shape(bounded(GenericAlias(list, type_), schema, LENGTHS), fill and lists(fill), worth)


def _dict(shapes: _Shapes, schema: Json) -> Shape:
    names = schema.get("keys_schema", _ANYTHING)
    if names["type"] != "str":
        raise NoShape
    type_, fill, worth = _worthwhile(shapes.of(schema.get("values_schema", _ANYTHING)))
    return Shape(GenericAlias(dict, (shapes.of(names).type, type_)), fill and dicts(fill), worth)


def _worthwhile(part: Shape) -> Shape:
    """Return what many of a shape are; raise if many of them would take longer than they do."""
    if part.worth < 0:
        raise NoShape
    return part._replace(worth=_LIST)


def _int(_shapes: _Shapes, schema: Json) -> Shape:
    return Shape(whole(schema))


def _float(_shapes: _Shapes, schema: Json) -> Shape:
    return Shape(real(schema))


def _number(_shapes: _Shapes, schema: Json) -> Shape:
    """Return the shape of our `Integer` or `Number`; their bounds wrap them, one by one."""
    bounds: dict[str, Any] = {}
    while schema["type"] == "function-after":
        function = known(schema)["function"].get("function")
        if not compares(function):
            raise NoShape
        for name, bound in function.keywords.items():
            if name in bounds:
                raise NoShape
            bounds[name] = bound
        schema = schema["schema"]
    match known(schema).get("metadata", {}).get(JSON_TYPE) if schema["type"] == "union" else None:
        case "integer":
            return Shape(whole(bounds))
        case "number":
            return Shape(whole(bounds) | real(bounds))
        case _:
            raise NoShape


def _model(shapes: _Shapes, schema: Json) -> Shape:
    model, content, settings = schema["cls"], schema["schema"], schema.get("config", {})
    if (
        schema.get("custom_init")
        or schema.get("root_model")
        or not settings.keys() <= SETTINGS
        or not settings.get("validate_by_alias", True)
        or content["type"] != "model-fields"
        or not fillable(model)
    ):
        raise NoShape
    members: list[tuple[str, Any, Any]] = []
    parts: dict[str, Fill] = {}
    defaults: dict[str, Callable[[], Any]] = {}
    worth = -MODEL
    for name, member in known(content)["fields"].items():
        alias, inner = known(member).get("validation_alias", name), member["schema"]
        if not isinstance(alias, str):
            raise NoShape
        if inner["type"] == "default":
            defaults[name] = _default(known(inner))
            inner = inner["schema"]
        optional: dict[str, Any] = {"default": UNSET} if name in defaults else {}
        part = shapes.of(inner)
        members.append((name, part.type, field(name=alias, **optional)))
        if part.fill is not None:
            parts[name] = others(part.fill, UNSET) if optional else part.fill
            worth += min(part.worth, 0) - 1
        else:
            worth += -_OPTIONAL if optional else part.worth
    # No cycle leads through a struct: it is gone as soon as it is filled in.
    struct = defstruct(model.__name__, members, kw_only=True, forbid_unknown_fields=True, gc=False)
    extra = settings.get("extra_fields_behavior")
    extras = _objects if extra == "allow" else _nothing
    fill = models(model, content["fields"], extras=extras, defaults=defaults, parts=parts)
    return Shape(struct, fill, worth)


def _default(schema: Json) -> Callable[[], Any]:
    """Return what makes the value of an absent property; pydantic copies one that may change."""
    if "default" not in schema:
        raise NoShape
    value = schema["default"]
    try:
        hash(value)
    except TypeError:
        return partial(deepcopy, value)
    return lambda: value


def _nothing() -> Iterator[Any]:
    return repeat(None)


def _objects() -> Iterator[Any]:
    """Yield empty objects without end, a new one each time."""
    return iter(dict[str, Json], None)


_Make: TypeAlias = Callable[[_Shapes, Json], Shape]

_SHAPES: Final[Mapping[str, _Make]] = {
    "bool": lambda _shapes, _schema: Shape(bool),
    "none": lambda _shapes, _schema: Shape(None),
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

MODEL: Final = 4
"""What it costs to fill in a model, in numbers and texts that its properties save.

So points, pairs and objects of which most properties are absent are left to pydantic, if there may
be many of them.
"""

_OPTIONAL: Final = 2
"""What a property costs that is most often absent."""

_LIST: Final = 3
"""What a list saves, however short."""

_CONTAINERS: Final = frozenset({"list", "dict", "model"})
"""Of fewer than pydantic reads levels none can be too deep."""

_ANYTHING: Final = {"type": "any"}
