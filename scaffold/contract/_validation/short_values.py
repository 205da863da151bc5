"""Small values that break a keyword in the same way as a large value, for cheap messages.

The validator copies the whole value into each message, which shows only 300 characters of it. So a
large value is replaced by its beginning, which breaks the keyword in the same way.
"""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final

from scaffold.contract._errors.problems import MAX_MESSAGE_CHARS
from scaffold.contract._json.types import Json, JsonObject, is_array, is_object

MAX_EXCERPT_CHARS: Final = MAX_MESSAGE_CHARS + 100
"""Characters of JSON in an excerpt: more than a message has, so that the cut is visible."""


def stand_in(keyword: str, argument: Json, value: Json) -> Json:
    """Return a small value that breaks a keyword exactly if `value` does, in the same way."""
    if not is_object(value) and not is_array(value):
        return value
    short, is_cut = _cut(value)
    make = _STAND_IN_BY_KEYWORD.get(keyword)
    return short if make is None or not is_cut else make(argument, value, short)


def excerpt(value: Json) -> Json:
    """Return the beginning of a value."""
    return _cut(value)[0]


def _cut(value: Json) -> tuple[Json, bool]:
    cutter = _Cutter()
    short = cutter.cut(value)
    return short, cutter.left <= 0


class _Cutter:
    """Copies the beginning of a value."""

    def __init__(self) -> None:
        self.left = MAX_EXCERPT_CHARS

    def cut(self, value: Json) -> Json:
        """Copy a value until the limit is reached."""
        if is_object(value):
            return self._object(value)
        if is_array(value):
            return self._array(value)
        if isinstance(value, str):
            self.left -= len(value) + 3
            return value[:MAX_EXCERPT_CHARS]
        self.left -= 2
        return value

    def _object(self, value: JsonObject) -> JsonObject:
        self.left -= 2
        members: JsonObject = {}
        for name, part in value.items():
            if self.left <= 0:
                break
            self.left -= len(name) + 3
            members[name] = self.cut(part)
        return members

    def _array(self, value: list[Json]) -> list[Json]:
        self.left -= 2
        items: list[Json] = []
        for item in value:
            if self.left <= 0:
                break
            items.append(self.cut(item))
        return items


def _names(names: Json, value: JsonObject, _short: Json) -> Json:
    return {name: None for name in names if name in value}


def _dependent(names: Json, value: JsonObject, short: Json) -> Json:
    every = [name for name, others in names.items() for name in (name, *others)]
    return _names(every, value, short)


def _longer(most: Json, value: list[Json], short: list[Json]) -> Json:
    return [*short, *(0 for _ in range(min(int(most) + 1, len(value)) - len(short)))]


def _larger(most: Json, value: JsonObject, _short: Json) -> Json:
    return dict.fromkeys(islice(value, int(most) + 1))


def _repeated(_argument: Json, _value: Json, short: list[Json]) -> Json:
    return [*short, 0, 0]


_Make = Callable[[Json, Any, Any], Json]

_STAND_IN_BY_KEYWORD: Final[Mapping[str, _Make]] = {
    "required": _names,
    "dependentRequired": _dependent,
    "maxItems": _longer,
    "maxProperties": _larger,
    "uniqueItems": _repeated,
}
"""The replacement of a large value by keyword; for other keywords it is the beginning."""
