"""The descriptors of a server: the pipes of stdio, and what a fork of the plugin must not keep.

The pipes move away from descriptors 0 and 1 before code of the plugin is imported. Then output of a
`print`, a C library or a child process goes to stderr, and a read of stdin finds its end. The new
descriptors are not inheritable (PEP 446), so no child keeps them open.

A hook may fork, for example with `multiprocessing`. The fork inherits the pipes, the listening
socket and all connections. While it lives, clients would not see them close, and another server
could not bind the port. So the fork replaces these descriptors by the null device. It does not
close them: inherited objects may still close the same numbers.
"""

import os
import select
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from scaffold._concurrency.forks import reset_after_fork

if sys.platform != "win32":
    import fcntl
    import termios

_PIPE_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class StdioDescriptors:
    """The descriptors that the protocol reads from and writes to."""

    input: int
    output: int


def claim_stdio() -> StdioDescriptors:
    """Move the pipes away from descriptors 0 and 1; return the new descriptors."""
    descriptors = StdioDescriptors(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2 if _is_open(2) else null, 1)
    os.close(null)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)
    return descriptors


def enlarge_pipe(descriptor: int) -> int:
    """Enlarge the buffer of a pipe to 1 MiB if possible; return its size in bytes."""
    if sys.platform != "linux":
        return select.PIPE_BUF
    with suppress(OSError):  # not a pipe, or above this user's limit
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ)
    except OSError:
        return 0


def unread_bytes(descriptor: int) -> int:
    """Return how many bytes in a pipe have not been read yet."""
    count = bytearray(4)
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


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
