"""Run generators that yield pauses: by sleeping in a thread, or on an event loop."""

import asyncio
import time
from collections.abc import Generator
from typing import Final, TypeVar

T = TypeVar("T")

_NAP: Final = 0.005
_LONGEST_NAP: Final = 0.05


def pauses(seconds: float) -> Generator[float]:
    """Yield growing pauses in seconds between checks, until `seconds` have passed."""
    now, nap = time.monotonic(), _NAP
    deadline = now + seconds
    while now < deadline:
        yield min(nap, deadline - now)
        nap = min(nap * 2, _LONGEST_NAP)
        now = time.monotonic()


def run_steps(steps: Generator[float, None, T]) -> T:
    """Run a generator to its result, and sleep for each pause that it yields."""
    while True:
        try:
            nap = next(steps)
        except StopIteration as done:
            result: T = done.value
            return result
        time.sleep(nap)


async def run_steps_async(steps: Generator[float, None, T]) -> T:
    """Run a generator like `run_steps`, on an event loop."""
    while True:
        try:
            nap = next(steps)
        except StopIteration as done:
            result: T = done.value
            return result
        await asyncio.sleep(nap)
