"""Building of models from the results of msgspec, column by column.

A filler converts many values of one type at once. So four loops in C, without Python code, set the
slots of a hundred models of a list.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from itertools import chain, compress, islice, repeat
from operator import is_not
from typing import Any, Final, TypeAlias

from msgspec import UNSET
from msgspec.structs import asdict
from pydantic import BaseModel

Fill: TypeAlias = Callable[[list[Any]], list[Any]]
"""Converts decoded values in order. Values that are their own result need no filler."""

_SLOTS: Final = (
    "__dict__",
    "__pydantic_fields_set__",
    "__pydantic_extra__",
    "__pydantic_private__",
)


MANY_DEFAULTS: Final = 16
MANY_OBJECTS: Final = 100
"""More objects with more optional properties may lack most of them: that is looked at first."""


def can_fill(model: type[BaseModel]) -> bool:
    """Return whether the known slots are the whole state of an instance."""
    return model.__new__ is object.__new__ and set(BaseModel.__slots__) == set(_SLOTS)


def fill_models(
    model: type[BaseModel],
    names: Iterable[str],
    *,
    extras: Callable[[], Iterator[Any]],
    defaults: Mapping[str, Callable[[], Any]],
    parts: Mapping[str, Fill],
) -> Fill:
    """Return a filler that makes the same instances of a model as pydantic.

    Args:
        model: The class.
        names: Its attributes.
        extras: Yields the initial undeclared properties of each instance.
        defaults: Make the values of absent properties.
        parts: The fillers of attributes that need one.
    """
    every = dict.fromkeys(names)
    is_wide = len(defaults) > MANY_DEFAULTS

    def fill(structs: list[Any]) -> list[Any]:
        if not structs:  # do not run the fillers of parts, of which there may be many
            return []
        made = list(map(_new, repeat(model, len(structs))))
        values = list(map(asdict, structs))
        for name, fill_part in parts.items():
            filled = fill_part([each[name] for each in values])
            for each, part in zip(values, filled, strict=True):
                each[name] = part
        is_sparse = is_wide and len(values) > MANY_OBJECTS and _lack_most(values, defaults)
        present = (_set_sparse if is_sparse else _set_each)(values, every, defaults)
        _each(map(_set_values, made, values))
        _each(map(_set_present, made, present))
        _each(map(_set_extra, made, extras()))
        _each(map(_set_private, made, repeat(None)))
        return made

    return fill


_Defaults: TypeAlias = Mapping[str, Callable[[], Any]]


def _set_each(
    values: list[dict[str, Any]], names: Mapping[str, None], defaults: _Defaults
) -> list[set[str]]:
    """Set the defaults of absent properties, one by one; return the names of present ones."""
    present = list(map(_copy, repeat(set(names), len(values))))
    for name, default in defaults.items():
        for each, given in zip(values, present, strict=True):
            if each[name] is UNSET:
                each[name] = default()
                given.discard(name)
    return present


def _lack_most(values: list[dict[str, Any]], defaults: _Defaults) -> bool:
    absent = sum([list(each.values()).count(UNSET) for each in values])
    return 2 * absent > len(values) * len(defaults)


def _set_sparse(
    values: list[dict[str, Any]], names: Mapping[str, None], defaults: _Defaults
) -> list[set[str]]:
    """Do the same for objects that have few of many properties, in less time and memory."""
    present: list[set[str]] = []
    constant = {name: default() for name, default in defaults.items()}
    blank = {**names, **constant}
    mutable = [name for name, value in constant.items() if not isinstance(value, Hashable)]
    for each in values:
        given = dict(compress(each.items(), map(is_not, each.values(), _unset)))
        present.append(set(given))
        each.update(blank)
        each.update(given)
        for name in mutable:
            if name not in given:
                each[name] = defaults[name]()
    return present


def fill_lists(fill: Fill) -> Fill:
    """Return a filler for lists."""

    def fill_all(values: list[Any]) -> list[Any]:
        if len(values) == 1:
            return [fill(values[0])]
        filled = iter(fill(list(chain.from_iterable(values))))
        return [list(islice(filled, len(each))) for each in values]

    return fill_all


def fill_dicts(fill: Fill) -> Fill:
    """Return a filler for dictionaries."""

    def fill_all(values: list[Any]) -> list[Any]:
        filled = iter(fill([part for each in values for part in each.values()]))
        return [dict(zip(each, filled, strict=False)) for each in values]

    return fill_all


def fill_except(fill: Fill, blank: object) -> Fill:
    """Return a filler that skips the value `blank`."""

    def fill_all(values: list[Any]) -> list[Any]:
        filled = iter(fill([each for each in values if each is not blank]))
        return [blank if each is blank else next(filled) for each in values]

    return fill_all


_unset: Final = repeat(UNSET)
_new: Final[Callable[..., Any]] = object.__new__
_copy: Final[Callable[[set[str]], set[str]]] = set[str].copy
_each: Final[Callable[[Iterable[Any]], None]] = deque[Any](maxlen=0).extend
_set_values, _set_present, _set_extra, _set_private = (
    vars(BaseModel)[slot].__set__ for slot in _SLOTS
)
