"""Descriptors of the server, which the forks of a plugin must not keep open.

A hook may fork, as `multiprocessing` does. The fork copies the pipes, the listening socket and all
connections. As long as it lives no client would see their end, and no other server could have the
port. So the copies are replaced by the null device: the numbers stay taken, since objects that the
fork has copied too may close them.
"""

import os
from collections.abc import Callable, Iterable

from scaffold._concurrency.forks import reset_after_fork

__all__ = ["InheritedDescriptors"]


class InheritedDescriptors:
    """Replaces copies of descriptors in every process that is forked from this one.

    Args:
        descriptors: Returns the descriptors as they are at the time of the fork.
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
