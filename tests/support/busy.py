"""Limits of time that hold on a busy machine, too."""

import time

__all__ = ["quiet_seconds_since", "slowness"]

_SAMPLE = 0.01
"""Seconds of processor time that a measurement takes."""


def slowness():
    """Return how many times longer work takes now than on a quiet machine; at least 1.

    It is the time that passes while this thread works, over the time for which it has a processor.
    """
    start, worked = time.monotonic(), time.thread_time()
    while time.thread_time() - worked < _SAMPLE:
        pass
    return max(1.0, (time.monotonic() - start) / _SAMPLE)


def quiet_seconds_since(start):
    """Return the seconds since `start`, of `time.monotonic`, that a quiet machine would have taken.

    A test compares these with a limit that would be passed by a wait that should not happen.
    """
    taken = time.monotonic() - start
    return taken / slowness()
