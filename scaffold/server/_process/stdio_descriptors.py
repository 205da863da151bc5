"""The pipes of a stdio server, out of reach of everything but the protocol.

Before any code of the plugin is imported the pipes leave descriptors 0 and 1: a `print`, a C
library or a child that writes to stdout then reaches stderr, and one that reads stdin finds its
end. The new descriptors are not inheritable (PEP 446), so no child can hold them open.
"""

import os
import select
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

if sys.platform != "win32":
    import fcntl
    import termios

__all__ = ["Pipes", "claim", "unread", "widen"]

_WIDE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Pipes:
    """The two ends that the protocol uses."""

    input: int
    output: int


def claim() -> Pipes:
    """Take the pipes off descriptors 0 and 1."""
    pipes = Pipes(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2 if _is_open(2) else nothing, 1)
    os.close(nothing)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)
    return pipes


def widen(descriptor: int) -> int:
    """Give a pipe the room of a megabyte, where that can be had; return its room in bytes."""
    if sys.platform != "linux":
        return select.PIPE_BUF
    with suppress(OSError):  # no pipe, or one that this user may not widen
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _WIDE)
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ)
    except OSError:
        return 0


def unread(descriptor: int) -> int:
    """Return how many bytes in a pipe its reader has not taken yet."""
    count = bytearray(4)
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
