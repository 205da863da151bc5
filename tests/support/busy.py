"""Limits of time that hold on a busy machine, too."""

import os
import time

__all__ = ["quiet_seconds_since", "slowness"]

_SAMPLE = 0.01
"""Seconds of processor time that a measurement takes."""


def slowness():
    """Return how many times longer work takes now than on a quiet machine; at least 1.

    It is the time that passes while this thread works, over the time for which it has a processor.
    A thread that has waited is served first for a moment: the load of the last minute counts too.
    """
    start, worked = time.monotonic(), time.thread_time()
    while time.thread_time() - worked < _SAMPLE:
        pass
    load = os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 1.0
    return max(1.0, load, (time.monotonic() - start) / _SAMPLE)


def quiet_seconds_since(start):
    """Return the seconds since `start`, of `time.monotonic`, that a quiet machine would have taken.

    A test compares these with a limit that would be passed by a wait that should not happen.
    """
    taken = time.monotonic() - start
    return taken / slowness()
