"""Values that no payload can hold: text that is not Unicode, numbers beyond 64-bit floats."""

import math
from collections.abc import Callable, Iterator

from scaffold.contract._errors.problems import Problem
from scaffold.contract._json import Json, is_array, is_object, is_unicode, pointer


def lone_surrogates(value: Json) -> Iterator[Problem]:
    """Yield a problem for each string that cannot be written as UTF-8 (RFC 8259 §8.2), in order."""
    return _find(value, _is_not_unicode, "half a surrogate pair is not text")


def infinite_numbers(value: Json) -> Iterator[Problem]:
    """Yield a problem for each number that was too large to read, such as `1e400`, in order.

    A reader makes `inf` of it (RFC 8259 §6).
    """
    return _find(value, _is_infinite, "the number is out of range: it is beyond ±1.8e308")


def _find(value: Json, is_wrong: Callable[[Json], bool], message: str) -> Iterator[Problem]:
    pending: list[tuple[tuple[str | int, ...], Json]] = [((), value)]
    while pending:
        path, part = pending.pop()
        if is_object(part):
            pending += [((*path, name), inner) for name, inner in reversed(part.items())]
        elif is_array(part):
            indexes = range(len(part) - 1, -1, -1)
            pending += [((*path, index), part[index]) for index in indexes]
        elif is_wrong(part):
            yield Problem(pointer(path), "json", message)


def _is_not_unicode(value: Json) -> bool:
    return isinstance(value, str) and not is_unicode(value)


def _is_infinite(value: Json) -> bool:
    return isinstance(value, float) and math.isinf(value)
