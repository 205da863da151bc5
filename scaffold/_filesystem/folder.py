"""An open folder: its entries are used by name, whatever becomes of the path that led to it.

On POSIX every call is made relative to the folder's descriptor (`openat`, `renameat`), so that a
folder on the way cannot be replaced by a link in between. Windows has no such calls; there the
path is used, and links are looked for before each use.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from typing_extensions import override

from scaffold._closing import CloseOnExit
from scaffold._filesystem.reading import (
    MAX_FILE_BYTES,
    NO_FOLLOW_FLAG,
    READ_FLAGS,
    OutsideProjectError,
    read_descriptor,
)

__all__ = ["Folder"]

_HAS_DIR_FD = {os.open, os.mkdir, os.rename, os.unlink, os.rmdir, os.stat} <= os.supports_dir_fd
_FOLDER_FLAGS: int = READ_FLAGS | getattr(os, "O_DIRECTORY", 0)
_CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | READ_FLAGS | NO_FOLLOW_FLAG


class Folder(CloseOnExit):
    """A folder to read and write in; no method follows a link. Methods raise `OSError`."""

    __slots__ = ("descriptor", "path")

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        """Where it was when it was opened; for messages."""
        self.descriptor = descriptor
        """What calls are relative to; `None` where the system has no such calls."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a folder that a person or this program names; links on the way are followed."""
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
        """Open a folder in this one; raise `NotADirectoryError` if the name is anything else."""
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
        """Return what an entry is, a link as such; `None` if there is none."""
        try:
            return os.stat(self.at(name), dir_fd=self.descriptor, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def own_state(self) -> os.stat_result:
        """Return what this folder is."""
        return self.path.stat() if self.descriptor is None else os.fstat(self.descriptor)

    def close_to_others(self) -> None:
        """Leave all rights in this folder to its owner."""
        if self.descriptor is not None:
            os.fchmod(self.descriptor, 0o700)

    def is_link(self, name: str) -> bool:
        """Tell whether an entry is a symbolic link."""
        state = self.state(name)
        return state is not None and stat.S_ISLNK(state.st_mode)

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """Return the content of a regular file, as `read_small` does; a link is refused."""
        return read_descriptor(self.open_file(name), str(self.path / name), limit)

    def open_file(self, name: str) -> int:
        """Return a descriptor to read an entry with, which the caller closes; a link is refused."""
        if not NO_FOLLOW_FLAG and self.is_link(name):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(self.path / name))
        return os.open(self.at(name), READ_FLAGS | NO_FOLLOW_FLAG, dir_fd=self.descriptor)

    def create(self, name: str, content: bytes, mode: int = 0o666) -> None:
        """Write a new file, down to the disk; raise `FileExistsError` if there is an entry."""
        descriptor = os.open(self.at(name), _CREATE_FLAGS, mode, dir_fd=self.descriptor)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def chmod(self, name: str, mode: int) -> None:
        """Give a file of this program its rights."""
        descriptor = self.open_file(name)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, mode)
            else:
                (self.path / name).chmod(mode)
        finally:
            os.close(descriptor)

    def date(self, name: str, state: os.stat_result) -> None:
        """Give a file of this program the times of another."""
        times = state.st_atime_ns, state.st_mtime_ns
        os.utime(self.at(name), ns=times, dir_fd=self.descriptor)

    def make(self, name: str, mode: int = 0o777) -> None:
        """Make a folder."""
        os.mkdir(self.at(name), mode, dir_fd=self.descriptor)

    def link(self, name: str, to: "Folder", new: str) -> None:
        """Give a file a second name."""
        os.link(
            self.at(name),
            to.at(new),
            src_dir_fd=self.descriptor,
            dst_dir_fd=to.descriptor,
            follow_symlinks=os.link not in os.supports_follow_symlinks,
        )

    def move(self, name: str, to: "Folder", new: str) -> None:
        """Move an entry to another name, and replace what has it; a link is moved as such."""
        os.replace(self.at(name), to.at(new), src_dir_fd=self.descriptor, dst_dir_fd=to.descriptor)

    def unlink(self, name: str) -> None:
        """Remove an entry that is not a folder."""
        os.unlink(self.at(name), dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        """Remove an empty folder."""
        os.rmdir(self.at(name), dir_fd=self.descriptor)

    def sweep(self, name: str) -> None:
        """Remove a folder and all in it as far as possible; never what a link leads to."""
        if self.descriptor is None:
            shutil.rmtree(self.path / name, ignore_errors=True)
        else:
            shutil.rmtree(name, ignore_errors=True, dir_fd=self.descriptor)

    def names(self) -> Iterator[str]:
        """Yield the names of all entries."""
        with os.scandir(self.path if self.descriptor is None else self.descriptor) as entries:
            yield from (entry.name for entry in entries)

    def at(self, name: str) -> str:
        """Return what to call an entry in a call that is relative to `descriptor`."""
        if "/" in name or name in ("", ".", ".."):
            raise OutsideProjectError(name, "is not the name of an entry")
        return name if self.descriptor is not None else str(self.path / name)
