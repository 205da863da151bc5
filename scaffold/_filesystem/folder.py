"""An open folder, whose entries are used by name even if its path is replaced meanwhile.

On POSIX every call is relative to the folder's descriptor (`openat`, `renameat`). So an attacker
cannot replace a parent folder by a link between two calls. Windows has no such calls: there the
path is used, and links are detected before each use.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Self

from typing_extensions import override

from scaffold._closing import CloseOnExit
from scaffold._filesystem.reading import (
    MAX_FILE_BYTES,
    NO_FOLLOW_FLAG,
    READ_FLAGS,
    OutsideProjectError,
    opened,
    read_descriptor,
)

_HAS_DIR_FD = {os.open, os.mkdir, os.rename, os.unlink, os.rmdir, os.stat} <= os.supports_dir_fd
_FOLDER_FLAGS: int = READ_FLAGS | getattr(os, "O_DIRECTORY", 0)
_CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | READ_FLAGS | NO_FOLLOW_FLAG


class Folder(CloseOnExit):
    """An open folder. Its methods do not follow links, and raise `OSError`."""

    __slots__ = ("descriptor", "path")

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        """The path by which it was opened; for messages."""
        self.descriptor = descriptor
        """The descriptor that calls are relative to; `None` on Windows."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a folder by a trusted path; links in the path are followed."""
        if _HAS_DIR_FD:
            return cls(path, os.open(path, _FOLDER_FLAGS))
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        return cls(path, None)

    @override
    def close(self) -> None:
        """Close the descriptor. May be repeated."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def enter(self, name: str) -> "Folder":
        """Open a subfolder; raise `NotADirectoryError` if the entry is not a folder."""
        if self.descriptor is not None:
            return Folder(
                self.path / name,
                os.open(name, _FOLDER_FLAGS | NO_FOLLOW_FLAG, dir_fd=self.descriptor),
            )
        state = self.state(name)
        if state is None or not stat.S_ISDIR(state.st_mode):
            code = errno.ENOENT if state is None else errno.ENOTDIR
            raise OSError(code, os.strerror(code), str(self.path / name))
        return Folder(self.path / name, None)

    def state(self, name: str) -> os.stat_result | None:
        """Return the status of an entry, of a link itself; `None` if there is no entry."""
        try:
            return os.stat(self.at(name), dir_fd=self.descriptor, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def own_state(self) -> os.stat_result:
        """Return the status of this folder."""
        return self.path.stat() if self.descriptor is None else os.fstat(self.descriptor)

    def close_to_others(self) -> None:
        """Remove the permissions of other users."""
        if self.descriptor is not None:
            os.fchmod(self.descriptor, 0o700)

    def is_link(self, name: str) -> bool:
        """Tell whether an entry is a symbolic link."""
        state = self.state(name)
        return state is not None and stat.S_ISLNK(state.st_mode)

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """Return the content of a regular file, as `read_small_file` does; refuse a link."""
        with self.open_file(name) as descriptor:
            return read_descriptor(descriptor, str(self.path / name), limit)

    def open_file(self, name: str) -> AbstractContextManager[int]:
        """Open an entry for reading, for a `with` block; refuse a link."""
        if not NO_FOLLOW_FLAG and self.is_link(name):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(self.path / name))
        flags = READ_FLAGS | NO_FOLLOW_FLAG
        return opened(partial(os.open, self.at(name), flags, dir_fd=self.descriptor))

    def create(self, name: str, content: bytes, mode: int = 0o666) -> None:
        """Write a new file and flush it to the disk; raise `FileExistsError` if the name exists."""
        descriptor = os.open(self.at(name), _CREATE_FLAGS, mode, dir_fd=self.descriptor)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def chmod(self, name: str, mode: int) -> None:
        """Set the permissions of a file."""
        with self.open_file(name) as descriptor:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, mode)
            else:
                (self.path / name).chmod(mode)

    def date(self, name: str, state: os.stat_result) -> None:
        """Set the times of a file to those in `state`."""
        times = state.st_atime_ns, state.st_mtime_ns
        os.utime(self.at(name), ns=times, dir_fd=self.descriptor)

    def make(self, name: str, mode: int = 0o777) -> None:
        """Create a subfolder."""
        os.mkdir(self.at(name), mode, dir_fd=self.descriptor)

    def link(self, name: str, to: "Folder", new: str) -> None:
        """Create a hard link to a file in another folder."""
        os.link(
            self.at(name),
            to.at(new),
            src_dir_fd=self.descriptor,
            dst_dir_fd=to.descriptor,
            follow_symlinks=os.link not in os.supports_follow_symlinks,
        )

    def move(self, name: str, to: "Folder", new: str) -> None:
        """Move an entry, and replace the target if it exists; a link itself is moved."""
        os.replace(self.at(name), to.at(new), src_dir_fd=self.descriptor, dst_dir_fd=to.descriptor)

    def unlink(self, name: str) -> None:
        """Remove an entry that is not a folder."""
        os.unlink(self.at(name), dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        """Remove an empty subfolder."""
        os.rmdir(self.at(name), dir_fd=self.descriptor)

    def sweep(self, name: str) -> None:
        """Remove a subfolder with its content, as far as possible; links are not followed."""
        if self.descriptor is None:
            shutil.rmtree(self.path / name, ignore_errors=True)
        else:
            shutil.rmtree(name, ignore_errors=True, dir_fd=self.descriptor)

    def names(self) -> Iterator[str]:
        """Yield the names of all entries."""
        with os.scandir(self.path if self.descriptor is None else self.descriptor) as entries:
            yield from (entry.name for entry in entries)

    def at(self, name: str) -> str:
        """Return the path of an entry for a call with `dir_fd=descriptor`."""
        if "/" in name or name in ("", ".", ".."):
            raise OutsideProjectError(name, "is not the name of an entry")
        return name if self.descriptor is not None else str(self.path / name)
