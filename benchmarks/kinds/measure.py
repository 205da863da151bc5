"""Measures one side in a process of its own.

`python -m benchmarks.kinds.measure SIDE ROOT SECONDS CORE` prints one JSON object: for each row and
placement the 1st, 50th and 99th percentile of the seconds that a call takes. SECONDS is for each of
them; ROOT holds the projects. With placement "one core" all processes run on CORE only.

In process a call is shorter than a look at the clock, so calls are timed in batches.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from benchmarks.kinds.sides import SIDES, Side
from benchmarks.wire.processes import place

_WARM_UP: Final = 0.3
"""The share of the time for which calls are made that are not measured."""
_FEWEST: Final = 20
_MOST: Final = 50_000
_BATCH: Final = 50
_PERCENTILES: Final = {"p1": 0.01, "p50": 0.5, "p99": 0.99}

Figures = dict[str, dict[str, dict[str, float]]]
"""Row → placement → percentile → seconds."""


async def measure(side: Side, root: Path, seconds: float, core: int) -> Figures:
    """Open one side, and time each of its calls on any core, then on one."""
    batch = _BATCH if side.runtime == "in_process" else 1
    timed = _timed_awaited if side.awaited else _timed
    async with side.open(root) as calls:
        figures: Figures = {title: {} for title in calls}
        for placement in ("any core", "one core"):
            if placement == "one core":
                place(os.getpid(), {core})
            for title, call in calls.items():
                spent = sorted(await timed(call, seconds, batch))
                figures[title][placement] = {
                    name: spent[int(len(spent) * share)] / batch
                    for name, share in _PERCENTILES.items()
                }
    return figures


async def _timed(call: Callable[[], Any], seconds: float, batch: int) -> list[float]:
    for _ in _until(seconds * _WARM_UP):
        call()
    spent = []
    several = range(batch)
    for _ in _until(seconds):
        before = perf_counter()
        for _ in several:
            call()
        spent.append(perf_counter() - before)
    return spent


async def _timed_awaited(
    call: Callable[[], Awaitable[Any]], seconds: float, batch: int
) -> list[float]:
    for _ in _until(seconds * _WARM_UP):
        await call()
    spent = []
    several = range(batch)
    for _ in _until(seconds):
        before = perf_counter()
        for _ in several:
            await call()
        spent.append(perf_counter() - before)
    return spent


def _until(seconds: float) -> Iterator[int]:
    end = perf_counter() + seconds
    for number in range(_MOST):
        if number >= _FEWEST and perf_counter() > end:
            return
        yield number


if __name__ == "__main__":
    name, root, seconds, core = sys.argv[1:]
    print(json.dumps(asyncio.run(measure(SIDES[name], Path(root), float(seconds), int(core)))))
