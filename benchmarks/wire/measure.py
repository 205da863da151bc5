"""Measures one side in a process of its own.

`python -m benchmarks.wire.measure SIDE SECONDS CORE` prints one JSON object: seconds until the
first answer, seconds per call, bytes of the server. Every wait is bounded by SECONDS or by a number
of calls.

One call in flight keeps one process busy at a time. Where the system puts the two then decides more
than what they do: 8 µs or 80 for the same bare pipe, by the toss of a coin. So such calls are timed
with both processes on CORE, and the small ones once more on any core.
"""

import asyncio
import importlib
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, Final

from benchmarks.wire.clients.connection import Connection
from benchmarks.wire.payloads import SIZES, payload
from benchmarks.wire.processes import busy, listening, memory, place
from benchmarks.wire.sides import SIDES, Side

Figures = dict[str, float]

_FIRST_CALLS: Final = 10
_FEWEST_CALLS: Final = 3
_MOST_CALLS: Final = 20_000
_IN_FLIGHT: Final = 64
_SMALL: Final = payload(SIZES["small"])


def main() -> None:
    side, seconds, core = SIDES[sys.argv[1]], float(sys.argv[2]), int(sys.argv[3])
    module, _, function = side.client.partition(":")
    connect = getattr(importlib.import_module(f"benchmarks.wire.clients.{module}"), function)
    if side.forked:
        with connect(side.command) as forks:
            print(json.dumps(_start(side, forks)))
        return
    started = time.perf_counter()
    with listening(side.command) if side.http else nullcontext(side.command) as target:
        if side.loop:
            with asyncio.Runner(loop_factory=_loop_factory(side.loop)) as runner:
                figures = runner.run(_measure_async(connect(target), started, seconds, core))
        else:
            figures = _measure(side, connect(target), started, seconds, core)
    print(json.dumps(figures))


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if name == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop


def _start(side: Side, connect: Callable[..., Any]) -> Figures:
    with connect(side.command) as connection:
        _verify(connection, connection.call(connection.take(_SMALL)), _SMALL)
    started = time.perf_counter()
    with connect(side.command) as connection:
        _verify(connection, connection.call(connection.take(_SMALL)), _SMALL)
        return {"cold start": time.perf_counter() - started}


def _measure(side: Side, opening: Any, started: float, seconds: float, core: int) -> Figures:
    with opening as connection:
        call, small = connection.call, connection.take(_SMALL)
        _verify(connection, call(small), _SMALL)
        figures = {"cold start": time.perf_counter() - started}
        for _ in range(_FIRST_CALLS):
            call(small)
        figures |= _memory()
        if side.parallel:
            figures["64 in flight"] = _threads(call, small, seconds)
        figures["small, any core"] = _undisturbed(_timed(call, small, seconds))
        place(os.getpid(), {core})
        for size, items in SIZES.items():
            sent = payload(items)
            argument = connection.take(sent)
            _verify(connection, call(argument), sent)
            before = busy(os.getpid())
            spent = _timed(call, argument, seconds)
            figures[size] = _undisturbed(spent)
            figures[f"{size}, CPU"] = (busy(os.getpid()) - before) / len(spent)
    return figures


async def _measure_async(opening: Any, started: float, seconds: float, core: int) -> Figures:
    async with opening as connection:
        call, small = connection.call, connection.take(_SMALL)
        _verify(connection, await call(small), _SMALL)
        figures = {"cold start": time.perf_counter() - started}
        for _ in range(_FIRST_CALLS):
            await call(small)
        figures |= _memory()
        figures["64 in flight"] = await _tasks(call, small, seconds)
        figures["small, any core"] = _undisturbed(await _timed_async(call, small, seconds))
        place(os.getpid(), {core})
        for size, items in SIZES.items():
            sent = payload(items)
            argument = connection.take(sent)
            _verify(connection, await call(argument), sent)
            before = busy(os.getpid())
            spent = await _timed_async(call, argument, seconds)
            figures[size] = _undisturbed(spent)
            figures[f"{size}, CPU"] = (busy(os.getpid()) - before) / len(spent)
    return figures


def _verify(connection: Connection, answer: Any, sent: dict[str, Any]) -> None:
    if connection.give(answer) != sent:
        raise RuntimeError("the answer is not what was sent")


def _memory() -> Figures:
    resident, own = memory(os.getpid())
    return {"memory": resident, "own memory": own}


def _until(seconds: float) -> Iterator[int]:
    """Count calls until their time or their number is up, but make a few in any case."""
    end = time.perf_counter() + seconds
    for number in range(_MOST_CALLS):
        if number >= _FEWEST_CALLS and time.perf_counter() > end:
            return
        yield number


def _undisturbed(spent: list[float]) -> float:
    """Return what a call takes that nothing came between: one of the fastest hundredth.

    What else happens on a machine, or on the one beneath it, makes calls slower and never faster.
    It hits long calls more often than short ones, so a median would compare interruptions.
    """
    return sorted(spent)[len(spent) // 100]


def _timed(call: Callable[[Any], Any], argument: Any, seconds: float) -> list[float]:
    now, spent = time.perf_counter, []
    for _ in _until(seconds):
        before = now()
        call(argument)
        spent.append(now() - before)
    return spent


async def _timed_async(
    call: Callable[[Any], Awaitable[Any]], argument: Any, seconds: float
) -> list[float]:
    now, spent = time.perf_counter, []
    for _ in _until(seconds):
        before = now()
        await call(argument)
        spent.append(now() - before)
    return spent


def _threads(call: Callable[[Any], Any], argument: Any, seconds: float) -> float:
    """Return the seconds per call when as many threads call at once."""

    def work(_number: int) -> int:
        done = 0
        for _ in _until(seconds):
            call(argument)
            done += 1
        return done

    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        before = time.perf_counter()
        done = sum(pool.map(work, range(_IN_FLIGHT)))
        return (time.perf_counter() - before) / done


async def _tasks(call: Callable[[Any], Awaitable[Any]], argument: Any, seconds: float) -> float:
    """Return the seconds per call when as many tasks call at once."""

    async def work() -> int:
        done = 0
        for _ in _until(seconds):
            await call(argument)
            done += 1
        return done

    before = time.perf_counter()
    done = sum(await asyncio.gather(*(work() for _ in range(_IN_FLIGHT))))
    return (time.perf_counter() - before) / done


if __name__ == "__main__":
    main()
