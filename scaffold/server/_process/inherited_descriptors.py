"""Descriptors of the server that a fork made by the plugin must not keep open.

A hook may fork, for example with `multiprocessing`. The fork inherits the pipes, the listening
socket and all connections. While it lives, clients would not see them close, and another server
could not bind the port. So the fork replaces these descriptors by the null device. It does not
close them: inherited objects may still close the same numbers.
"""

import os
from collections.abc import Callable, Iterable

from scaffold._concurrency.forks import reset_after_fork


class InheritedDescriptors:
    """Replaces inherited descriptors in every process that is forked from this one.

    It works for as long as the object is referenced.

    Args:
        descriptors: Returns the descriptors at the time of the fork.
    """

    def __init__(self, descriptors: Callable[[], Iterable[int]]) -> None:
        self._descriptors = descriptors
        reset_after_fork(self._replace_with_null_device)

    def _replace_with_null_device(self) -> None:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in self._descriptors():
            if descriptor >= 0:  # it may have been closed
                os.dup2(null, descriptor, inheritable=False)
        os.close(null)
