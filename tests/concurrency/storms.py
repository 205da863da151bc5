"""Storms: calls under everything at once, for a bounded time, with the least switch interval.

A storm is a program of its own. It prints what came of the calls as JSON, and fails if any was
wrong or never ended, or if anything is left. `STORM_SECONDS` is how long each lasts (default: 3).
"""

import faulthandler
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scaffold.contract._errors.errors import ScaffoldError

SECONDS = float(os.environ.get("STORM_SECONDS", "3"))
_STUCK = 60.0
"""Seconds after the end of a storm at which it counts as hung."""


class Storm:
    """What came of the calls of a storm; any thread may note."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.came: Counter[str] = Counter()
        self._end = time.monotonic() + seconds
        self._before = left()
        faulthandler.dump_traceback_later(seconds + _STUCK, exit=True)
        sys.setswitchinterval(1e-6)

    @property
    def rages(self) -> bool:
        """True until the storm is over."""
        return time.monotonic() < self._end

    def call(self, work: Callable[[str], str], expected: str) -> None:
        """Make a call whose answer must be what is expected, if it has one."""
        try:
            said = work(expected)
        except ScaffoldError as error:
            self.came[type(error).__name__] += 1
        else:
            self.came["right" if said == expected else "wrong"] += 1

    def do(self, what: str, work: Callable[[], object]) -> None:
        """Do some work; note under its name if it fails."""
        try:
            work()
        except ScaffoldError:
            self.came[what] += 1

    def threads(self, number: int, work: Callable[[int], object]) -> None:
        """Run some work on threads, again and again, until the storm is over."""

        def again(which: int) -> None:
            while self.rages:
                work(which)

        with ThreadPoolExecutor(number) as pool:
            for running in [pool.submit(again, which) for which in range(number)]:
                running.result()

    def finish(self, *allowed: str) -> None:
        """Print what came; fail if any call was wrong, failed otherwise, or anything is left."""
        deadline = time.monotonic() + 15
        while left() != self._before and time.monotonic() < deadline:
            time.sleep(0.02)
        sys.stdout.write(json.dumps(self.came) + "\n")
        others = {name for name in self.came if name not in {"right", *allowed}}
        assert not others, dict(self.came)
        assert self.came["right"], dict(self.came)
        assert left() == self._before, (self._before, left())


def left() -> tuple[int, int]:
    """Return how many threads and descriptors there are."""
    watched = [one for one in threading.enumerate() if one.name != "watch"]
    return len(watched), len(list(Path("/dev/fd").iterdir()))


class Interrupts:
    """A signal every millisecond that raises `KeyboardInterrupt`, where that is allowed."""

    def __init__(self) -> None:
        self.allowed = False
        self.number = 0
        signal.signal(signal.SIGALRM, self._come)

    def _come(self, *_: object) -> None:
        if self.allowed:
            self.allowed = False
            self.number += 1
            raise KeyboardInterrupt

    def run(self, work: Callable[[], object]) -> None:
        """Run some work until it ends or is interrupted."""
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 1e-3), 1e-3)
            self.allowed = True
            work()
            self.allowed = False
        except KeyboardInterrupt:
            pass
        finally:
            self.allowed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
