"""Waiting step by step: by sleeping, and on an event loop."""

import asyncio
import time
from collections.abc import Generator
from typing import Final, TypeVar

__all__ = ["pauses", "run_steps", "run_steps_async"]

T = TypeVar("T")

_NAP: Final = 0.005
_LONGEST_NAP: Final = 0.05


def pauses(seconds: float) -> Generator[float]:
    """Yield how long to wait between looks at something, for so many seconds."""
    now, nap = time.monotonic(), _NAP
    deadline = now + seconds
    while now < deadline:
        yield min(nap, deadline - now)
        nap = min(nap * 2, _LONGEST_NAP)
        now = time.monotonic()


def run_steps(steps: Generator[float, None, T]) -> T:
    """Do something step by step, and sleep in between for as long as each step says."""
    while True:
        try:
            nap = next(steps)
        except StopIteration as done:
            result: T = done.value
            return result
        time.sleep(nap)


async def run_steps_async(steps: Generator[float, None, T]) -> T:
    """Do the same on an event loop."""
    while True:
        try:
            nap = next(steps)
        except StopIteration as done:
            result: T = done.value
            return result
        await asyncio.sleep(nap)
