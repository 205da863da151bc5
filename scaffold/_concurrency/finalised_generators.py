"""What a generator must know at its end: whether somebody closes it, or nobody has it any more.

A finaliser runs wherever memory is freed, also while its thread holds a lock that others need. So
it waits for nothing.
"""

import weakref
from collections.abc import Callable, Generator
from typing import TypeAlias, TypeVar

T = TypeVar("T")

IsFinalised: TypeAlias = Callable[[], bool]
"""Tells within a generator whether it ends because nobody has it any more."""


def aware_of_finaliser(make: Callable[[IsFinalised], Generator[T]]) -> Generator[T]:
    """Return the generator that a function makes of `IsFinalised`."""
    made: list[weakref.ref[Generator[T]]] = []
    generator = make(lambda: made[0]() is None)
    # Python clears weak references to an object before it finalises it.
    made.append(weakref.ref(generator))
    return generator
