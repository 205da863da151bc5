"""The base class of every generated payload model, and readers for properties with an alias.

`content-type` is `content_type` in Python. If a payload also has an undeclared property
`content_type`, pydantic keeps it, but marks the declared property as set, and would write its
default. `separate_collisions` corrects that.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json
from typing_extensions import override

from scaffold.contract._json import Json, is_array, is_object
from scaffold.contract._unions.cost import may_have_unions

T = TypeVar("T")


class Model(BaseModel):
    """The base of payload classes. A model is never stricter than its schema, and changes no value.

    Undeclared properties are kept, unless the schema forbids them.
    """

    if not TYPE_CHECKING:  # type checkers use the declaration of pydantic
        __pydantic_extra__: dict[str, Json]

    model_config = ConfigDict(
        strict=True,
        extra="allow",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
        ser_json_inf_nan="constants",  # not `null`: `Payload.dump` then refuses them
        protected_namespaces=(),
    )

    @classmethod
    @override
    def __pydantic_on_complete__(cls) -> None:
        """Replace the readers of costly unions by readers in linear time (ADR-0032)."""
        super().__pydantic_on_complete__()
        core_schema = cls.__pydantic_core_schema__
        if may_have_unions(core_schema):
            from scaffold.contract._unions.choice_guard import linear_union_codec

            guarded = linear_union_codec(core_schema, None)
            if guarded is not None:
                cls.__pydantic_validator__, cls.__pydantic_serializer__ = guarded


def colliding_names(core_schema: Json) -> set[str]:
    """Return the Python names of optional properties that have another name in JSON."""
    return set(_colliding_names(core_schema))


def separate_collisions(read: Callable[[bytes], T], names: set[str]) -> Callable[[bytes], T]:
    """Return a reader that marks a property as set only if the text has its JSON name."""
    signs = (b"\\u", *(f'"{name}"'.encode() for name in sorted(names)))
    searched = len(names) <= MAX_SEARCHED_NAMES

    def call(data: bytes) -> T:
        value = read(data)
        if any(sign in data for sign in signs) if searched else _has_collision(value, names):
            _separate(value, from_json(data))
        return value

    return call


MAX_SEARCHED_NAMES: Final = 8
"""With more names than this, searching the value is faster than searching the text."""


def _has_collision(value: Any, names: set[str]) -> bool:
    """Return whether a model has an undeclared property with one of these names."""
    pending = [value]
    while pending:
        each = pending.pop()
        parts: Iterable[Any]
        if isinstance(each, BaseModel):
            if each.model_extra and not names.isdisjoint(each.model_extra):
                return True
            parts = vars(each).values()
        else:
            parts = each.values() if is_object(each) else each if is_array(each) else ()
        pending += [part for part in parts if type(part) not in _SCALARS]
    return False


_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


def _colliding_names(core_schema: Json) -> Iterator[str]:
    if is_array(core_schema):
        for part in core_schema:
            yield from _colliding_names(part)
    if not is_object(core_schema):
        return
    if core_schema.get("type") == "model-fields":
        fields: dict[str, Json] = core_schema["fields"]
        for name, field in fields.items():
            if "validation_alias" in field and field["schema"]["type"] == "default":
                yield name
    for part in core_schema.values():
        yield from _colliding_names(part)


def _separate(value: Any, plain: Json) -> None:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        for name in fields.keys() & value.model_fields_set:
            alias = fields[name].alias
            alias = name if alias is None else alias
            if alias in plain:
                _separate(getattr(value, name), plain[alias])
            else:
                value.model_fields_set.discard(name)
    elif is_array(value):
        for item, part in zip(value, plain, strict=True):
            _separate(item, part)
    elif is_object(value):
        for name, item in value.items():
            _separate(item, plain[name])
