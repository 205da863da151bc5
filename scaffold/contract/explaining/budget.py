"""How much work an explanation may be, counted, so that it is the same on every machine."""

from collections.abc import Collection
from typing import Final

from scaffold.contract.values import Json, is_array, is_object

__all__ = ["Budget", "SpentError"]

STEPS: Final = 2000
"""Places of a value that are held to a schema, one by one: 10 µs each."""

LAST_STEPS: Final = 300
"""Steps that remain when there is no room for further problems, to count them."""

JUDGED: Final = 10
"""How many times as many values may be judged as the payload has."""

LEAST: Final = 50_000
"""Values that may be judged in any case."""


class SpentError(Exception):
    """The budget is spent."""


class Budget:
    """The budget of one explanation of one value."""

    def __init__(self, value: Json) -> None:
        self._sizes = _sizes(value)
        self._steps = STEPS
        self._is_ending = False
        self._judged = max(LEAST, JUDGED * self.size(value))

    def size(self, value: Json) -> int:
        """Return how many values there are in a part of the value, itself included."""
        return self._sizes.get(id(value), 1)

    def step(self) -> None:
        """Count a step."""
        self._steps -= 1
        if self._steps < 0:
            raise SpentError

    def judge(self, value: Json) -> None:
        """Count what is judged."""
        self._judged -= self.size(value)
        if self._judged < 0:
            raise SpentError

    def judge_some(self, part: int, number: int, container: Json) -> None:
        """Count that so many of a number of values in a container are judged."""
        self._judged -= self.size(container) * part // number
        if self._judged < 0:
            raise SpentError

    def end_soon(self) -> None:
        """Leave a few steps, to count what is not told."""
        if not self._is_ending:
            self._is_ending = True
            self._steps = min(self._steps, LAST_STEPS)


def _sizes(value: Json) -> dict[int, int]:
    """Count the values in each container, by its identity."""
    containers: list[Json] = [value]
    parts: list[list[Json]] = []
    for container in containers:  # grows while it is read
        inner: list[Json] = []
        if is_object(container):
            inner = _containers(container.values())
        elif is_array(container):
            inner = _containers(container)
        parts.append(inner)
        containers += inner
    sizes: dict[int, int] = {}
    for container, inner in zip(reversed(containers), reversed(parts), strict=True):
        size = 1 + (len(container) if type(container) in _CONTAINERS else 0)
        for part in inner:
            size += sizes[id(part)] - 1
        sizes[id(container)] = size
    return sizes


def _containers(parts: Collection[Json]) -> list[Json]:
    if _CONTAINERS.isdisjoint(map(type, parts)):  # at the speed of C, for most long lists
        return []
    return [part for part in parts if type(part) in _CONTAINERS]


_CONTAINERS: Final = frozenset({dict, list})
