"""The pipes of a stdio server, moved away from descriptors 0 and 1.

This happens before code of the plugin is imported. Then output of a `print`, a C library or a child
process goes to stderr, and a read of stdin finds its end. The new descriptors are not inheritable
(PEP 446), so no child keeps them open.
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
