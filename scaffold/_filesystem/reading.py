"""Safe reading of files that may be a device, a pipe, a folder, or endless data."""

import errno
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from itertools import starmap
from pathlib import Path

MAX_FILE_BYTES = 16 * 1024 * 1024
"""The largest file that is read. Files that people write are far smaller."""

READ_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # do not wait for the writer of a named pipe
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
NO_FOLLOW_FLAG: int = getattr(os, "O_NOFOLLOW", 0)
"""Makes `os.open` fail on a link. It is 0 on Windows, where links are detected before the open."""


class OutsideProjectError(OSError):
    """A path leads out of the project, or into a folder that no project file may be in."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(errno.EPERM, reason, path)


@contextmanager
def opened(open_file: Callable[[], int]) -> Generator[int]:
    """Open a file for a `with` block.

    Args:
        open_file: Returns a new descriptor. It must be a `functools.partial` of `os.open`.

    Yields:
        The descriptor, which is closed at the end of the block.
    """
    descriptors: list[int] = []
    try:
        # No Python code runs between the open and the list, so that a signal handler that raises
        # cannot lose the descriptor.
        descriptors.extend(starmap(open_file, ((),)))
        yield descriptors[0]
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def read_small_file(path: Path | str, *, limit: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of a regular file; links are followed.

    It neither waits nor uses more memory than `limit`, whatever the file is.

    Args:
        path: The file.
        limit: The largest size, in bytes.

    Raises:
        OSError: It is not a regular file, or it is larger.
    """
    with opened(partial(os.open, path, READ_FLAGS)) as descriptor:
        return read_descriptor(descriptor, str(path), limit)


def read_descriptor(descriptor: int, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of an open file; `name` is its name in messages.

    Raises what `read_small_file` raises.
    """
    state = os.fstat(descriptor)
    if stat.S_ISDIR(state.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", name)
    content = os.read(descriptor, min(state.st_size, limit) + 1)
    # A file may grow while it is read, and the files of /proc have a size of 0.
    while len(content) <= limit and (more := os.read(descriptor, limit + 1 - len(content))):
        content += more
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"Larger than {limit:,} bytes", name)
    return content
