"""A budget for the work of an explanation, in counts, so that it is the same on every machine."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from scaffold.contract._json.gc_pause import without_gc
from scaffold.contract._json.types import Json, is_object

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
