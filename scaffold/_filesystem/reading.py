"""Reading a file that may be anything: a link to a device, a pipe, a folder, or without an end."""

import errno
import os
import stat
from pathlib import Path

__all__ = [
    "MAX_FILE_BYTES",
    "NO_FOLLOW_FLAG",
    "READ_FLAGS",
    "OutsideProjectError",
    "read_descriptor",
    "read_small_file",
]

MAX_FILE_BYTES = 16 * 1024 * 1024
"""Bytes. Files that people write are smaller by far."""

READ_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a pipe without a writer must not hold us up
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
NO_FOLLOW_FLAG: int = getattr(os, "O_NOFOLLOW", 0)
"""Makes `os.open` fail on a link. 0 on Windows, where links are looked for before."""


class OutsideProjectError(OSError):
    """A path that leads to where a project's files may not be."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(errno.EPERM, reason, path)


def read_small_file(path: Path | str, *, limit: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of a regular file, links followed.

    Raises `OSError` if it is anything else, or larger than `limit` bytes. It neither waits nor
    takes more memory than that, whatever the file is.
    """
    return read_descriptor(os.open(path, READ_FLAGS), str(path), limit)


def read_descriptor(descriptor: int, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of an open file and close it; `name` is for messages.

    Raises as `read_small_file` does.
    """
    try:
        state = os.fstat(descriptor)
        if stat.S_ISDIR(state.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", name)
        found = os.read(descriptor, min(state.st_size, limit) + 1)
        # A file may grow while it is read, and those of /proc have a size of 0.
        while len(found) <= limit and (more := os.read(descriptor, limit + 1 - len(found))):
            found += more
        if len(found) > limit:
            raise OSError(errno.EFBIG, f"Larger than {limit:,} bytes", name)
    finally:
        os.close(descriptor)
    return found
