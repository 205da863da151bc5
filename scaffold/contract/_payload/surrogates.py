"""Strings that are not Unicode text: they hold one half of a surrogate pair."""

from collections.abc import Iterator

from scaffold.contract._errors.problems import Problem
from scaffold.contract._json.pointers import pointer
from scaffold.contract._json.types import Json, is_array, is_object

__all__ = ["lone_surrogates"]


def lone_surrogates(value: Json) -> Iterator[Problem]:
    """Yield a problem for each string that cannot be written as UTF-8 (RFC 8259 §8.2), in order."""
    pending: list[tuple[tuple[str | int, ...], Json]] = [((), value)]
    while pending:
        path, part = pending.pop()
        if isinstance(part, str):
            try:
                part.encode()
            except UnicodeEncodeError:
                message = "half a surrogate pair is not text"
                yield Problem(pointer(path), "json", message)
        elif is_object(part):
            pending += [((*path, name), inner) for name, inner in reversed(part.items())]
        elif is_array(part):
            places = range(len(part) - 1, -1, -1)
            pending += [((*path, index), part[index]) for index in places]
