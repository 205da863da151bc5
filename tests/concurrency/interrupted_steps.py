"""Interrupt work at its n-th step, for every n, and look at what is left each time.

A step is where Python looks for signals: a function that is written in C has returned. Python 3.11
does not bear an exception of a profiler where a function of Python is entered.
"""

import sys
from contextlib import suppress
from pathlib import Path

import scaffold
from scaffold._concurrency import locks

_ROOT = str(Path(scaffold.__file__).parent)
_CHECKED_LOCKS = locks.__file__
"""Functions of Python, in which an interrupt finds what it never finds in a lock."""


class InterruptAtStep:
    """Raises `KeyboardInterrupt` at one step of scaffold's code, counted from the beginning."""

    def __init__(self, step):
        self.left = step
        self.where = "nowhere"

    def __enter__(self):
        sys.setprofile(self._at_event)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    @property
    def came(self):
        return self.left <= 0

    def _at_event(self, frame, event, _):
        file = frame.f_code.co_filename
        if event == "c_return" and file.startswith(_ROOT) and file != _CHECKED_LOCKS:
            self.left -= 1
            if self.left == 0:
                self.where = f"{frame.f_code.co_qualname}, line {frame.f_lineno}"
                raise KeyboardInterrupt


def interrupt_everywhere(work, check, *, stride=1):
    """Interrupt some work at each of its steps; return how many there are.

    Args:
        work: What is interrupted.
        check: Called after each time with the place of the interruption.
        stride: How many steps are passed over each time.
    """
    step, came = 1, True
    while came:
        with suppress(KeyboardInterrupt), InterruptAtStep(step) as interrupt:
            work()
        came = interrupt.came
        check(interrupt.where)
        step += stride
    return step - stride
