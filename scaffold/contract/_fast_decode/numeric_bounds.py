"""Numeric bounds with the same meaning in pydantic and msgspec."""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Final

from msgspec import Meta


def with_bounds(type_: Any, bounds: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Return the type with the named bounds that are set."""
    given = {name: bounds[name] for name in names if bounds.get(name) is not None}
    return Annotated[type_, Meta(**given)] if given else type_


def integer_type(bounds: Mapping[str, Any]) -> Any:
    """Return the type of integers within bounds; msgspec refuses bounds of more than 64 bits."""
    given = {name: bounds[name] for name in COMPARISONS if bounds.get(name) is not None}
    rounded = {name: COMPARISONS[name](bound) for name, bound in given.items()}
    return with_bounds(int, rounded, COMPARISONS)


def float_type(bounds: Mapping[str, Any]) -> Any:
    """Return the type of floats within bounds; raise `ValueError` if a bound is not one."""
    for name in COMPARISONS:
        bound = bounds.get(name)
        if bound is not None and float(bound) != bound:
            raise ValueError(f"{bound} is not exact")
    return with_bounds(float, bounds, COMPARISONS)


def is_bound_check(function: object) -> bool:
    """Return whether a function is a bound check of pydantic itself."""
    return (
        isinstance(function, partial)
        and not function.args
        and function.keywords.keys() <= COMPARISONS.keys()
        and function.func.__module__.startswith("pydantic.")
    )


LENGTHS: Final = frozenset({"min_length", "max_length"})
"""Counted in code points of a string, and in items of a list."""

COMPARISONS: Final[Mapping[str, Callable[[Any], int]]] = {
    "ge": math.ceil,
    "gt": math.floor,
    "le": math.floor,
    "lt": math.ceil,
}
"""How each bound is rounded for integers."""
