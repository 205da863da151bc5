"""Limits of an explanation: of its work, and of the values that are shown in it.

The work is limited in counts, so that it is the same on every machine. The validator copies the
whole value into each message, which shows only 300 characters of it. So a large value is replaced
by its beginning, which breaks the keyword in the same way.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

from scaffold.contract._errors.problems import MAX_MESSAGE_CHARS
from scaffold.contract._json import Json, JsonObject, is_array, is_object, without_gc

MAX_STEPS: Final = 2000
"""Steps of a walk: one part of the value and one subschema, about 10 µs each."""

MAX_LAST_STEPS: Final = 300
"""Steps that remain to count further problems when no more can be listed."""

VALIDATIONS_PER_VALUE: Final = 10
"""Values that may be validated, as a multiple of the values in the payload."""

MIN_VALIDATIONS: Final = 50_000
"""Values that may always be validated, however small the payload is."""

MANY_CONTAINERS: Final = 8
"""A container with more containers than this is counted as a whole."""


class BudgetExhausted(Exception):
    """The budget is used up."""


class WorkBudget:
    """The budget of one explanation of one value."""

    def __init__(self, value: Json) -> None:
        self._sizes = without_gc(_count_values)(value)
        self._steps = MAX_STEPS
        self._is_ending = False
        self._judged = max(MIN_VALIDATIONS, VALIDATIONS_PER_VALUE * self.size(value))

    def size(self, value: Json) -> int:
        """Return the number of values in a part of the value, itself included."""
        known = self._sizes.get(id(value))
        if known is None:
            return 1 + len(value) if type(value) in _CONTAINERS else 1
        return known

    def step(self) -> None:
        """Spend one step."""
        self._steps -= 1
        if self._steps < 0:
            raise BudgetExhausted

    def judge(self, value: Json) -> None:
        """Spend the validation of a value."""
        self._judged -= self.size(value)
        if self._judged < 0:
            raise BudgetExhausted

    def judge_some(self, part: int, number: int, container: Json) -> None:
        """Spend the validation of `part` of the `number` values in a container."""
        self._judged -= self.size(container) * part // number
        if self._judged < 0:
            raise BudgetExhausted

    def end_soon(self) -> None:
        """Leave a few steps, to count the problems that are not listed."""
        if not self._is_ending:
            self._is_ending = True
            self._steps = min(self._steps, MAX_LAST_STEPS)


def _count_values(value: Json) -> dict[int, int]:
    """Count the values in each container that holds others, by its identity.

    The content of a container is counted as a whole, at the speed of C: a megabyte of small
    objects in a list takes 50 ms.
    """
    sizes: dict[int, int] = {}
    pending: list[tuple[Json, list[Json]]] = []
    containers: list[Json] = [value] if type(value) in _CONTAINERS else []
    for container in containers:  # grows while it is read
        parts: Iterable[Json] = container.values() if is_object(container) else container
        inner: list[Json] = [part for part in parts if type(part) in _CONTAINERS]
        if len(inner) > MANY_CONTAINERS and _CONTAINERS.isdisjoint(map(type, _values_in(inner))):
            sizes[id(container)] = 1 + len(container) + sum(map(len, inner))
        elif inner:
            pending.append((container, inner))
            containers += inner
    for container, inner in reversed(pending):
        size = 1 + len(container)
        for part in inner:
            size += sizes[id(part)] - 1 if id(part) in sizes else len(part)
        sizes[id(container)] = size
    return sizes


def _values_in(containers: list[Json]) -> Iterator[Json]:
    """Yield the values in containers, in any order."""
    objects = [each.values() for each in containers if type(each) in _OBJECTS]
    arrays = [each for each in containers if type(each) not in _OBJECTS]
    return chain(chain.from_iterable(objects), chain.from_iterable(arrays))


_CONTAINERS: Final = frozenset({dict, list})
_OBJECTS: Final = frozenset({dict})


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
