"""The files of a project: every path that a repository names is held to its folder here.

A path is refused if it is absolute, steps out, or leads into `.git` or `.scaffold`, by itself or
through links. Links that stay inside are resolved first; what is opened then is opened name by
name, without following any link, so that a link that appears meanwhile is an error.
"""

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from typing_extensions import override

from scaffold._closing import CloseOnExit
from scaffold._filesystem.folder import Folder
from scaffold._filesystem.path_names import reason_to_refuse
from scaffold._filesystem.reading import MAX_FILE_BYTES, OutsideProjectError, read_descriptor

__all__ = ["ProjectTree", "read_inside"]

_LINK_ERRORS = {errno.ELOOP, errno.EMLINK, errno.ENOTDIR}
"""What systems answer when a link is opened that must not be followed."""
_MAX_OPEN_FOLDERS = 16
"""Folders that are kept open at a time."""


class ProjectTree(CloseOnExit):
    """The folder of a project, open for as long as files of it are used.

    Paths are relative to it, with `/`. Methods raise `OutsideProjectError` for a path that leads
    out of it, and other `OSError` as the system does.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.top = Folder.open(root)
        self._known: dict[str, str] = {}
        self._open: OrderedDict[str, Folder] = OrderedDict()

    @override
    def close(self) -> None:
        """Close all folders that are open."""
        for folder in (*self._open.values(), self.top):
            folder.close()

    @cached_property
    def real(self) -> Path:
        """Where the folder is, links followed."""
        return self.root.resolve()

    def locate(self, path: str) -> str:
        """Return the same path with links resolved; the file need not exist."""
        parent, name = _split_path(path)
        real = self._real_folder(parent)
        if not name:
            return real
        whole = f"{real}/{name}" if real else name
        folder = self._reach(real)
        return self._resolved(whole) if folder is not None and folder.is_link(name) else whole

    def holds(self, path: str) -> bool:
        """Tell whether there is an entry with this path, a link as such."""
        parent, name = _split_path(path)
        folder = self._reach(self._real_folder(parent))
        return folder is not None and (not name or folder.state(name) is not None)

    def folder(self, path: str) -> Folder:
        """Open a folder of the project; it is closed together with the tree."""
        _refuse_bad_path(path)
        found = self._reach(self._real_folder(path))
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.root / path))
        return found

    def make(self, path: str, modes: Mapping[str, int] | None = None) -> Folder:
        """Open a folder, and make it and those around it if they do not exist.

        `modes` has the rights of folders by path; the others get those that are usual.
        """
        _refuse_bad_path(path)
        real = self._real_folder(path)
        folder, here = self.top, ""
        for name in filter(None, real.split("/")):
            here = f"{here}/{name}" if here else name
            if folder.state(name) is None:
                folder.make(name, (modes or {}).get(here, 0o777))
            inner = self._reach(here)
            if inner is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), here)
            folder = inner
        return folder

    def read(self, path: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """Return the content of a regular file, as `read_small` does."""
        parent, name = _split_path(path)
        folder = self.folder(parent)
        if not name:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self.root / path))
        try:
            descriptor = folder.open_file(name)
        except OSError as error:
            if error.errno not in _LINK_ERRORS or not folder.is_link(name):
                raise
            parent, name = _split_path(self.locate(path))
            descriptor = self.folder(parent).open_file(name)
        return read_descriptor(descriptor, str(self.root / path), limit)

    def _real_folder(self, path: str) -> str:
        """Return the real path of a folder; what does not exist yet stays as it is."""
        if path in self._known:
            return self._known[path]
        real, rest = "", [part for part in path.split("/") if part not in ("", ".")]
        while rest:
            folder, name = self._reach(real), rest.pop(0)
            here = f"{real}/{name}" if real else name
            state = None if folder is None else folder.state(name)
            if state is not None and stat.S_ISLNK(state.st_mode):
                real = self._resolved(here)
            elif state is not None and not stat.S_ISDIR(state.st_mode):
                code = errno.ENOTDIR
                raise NotADirectoryError(code, os.strerror(code), str(self.root / here))
            else:
                real = here
        self._known[path] = real
        return real

    def _resolved(self, path: str) -> str:
        """Resolve a link, and hold what it leads to to the project."""
        target = Path(os.path.realpath(self.real / path))
        if not target.is_relative_to(self.real):
            raise OutsideProjectError(path, f"leads out of the project, to '{target}'")
        real = target.relative_to(self.real).as_posix()
        real = "" if real == "." else real
        _refuse_bad_path(real, path)
        return real

    def _reach(self, real: str) -> Folder | None:
        """Open a folder, name by name, without following links; `None` if it does not exist."""
        if not real:
            return self.top
        known = self._open.get(real)
        if known is not None:
            self._open.move_to_end(real)
            return known
        folder = self.top
        for name in real.split("/"):
            try:
                inner = folder.enter(name)
            except FileNotFoundError:
                return None
            finally:
                if folder is not self.top:
                    folder.close()
            folder = inner
        self._open[real] = folder
        if len(self._open) > _MAX_OPEN_FOLDERS:
            self._open.popitem(last=False)[1].close()
        return folder


def _refuse_bad_path(path: str, named: str = "") -> None:
    reason = reason_to_refuse(path)
    if reason is not None:
        raise OutsideProjectError(named or path, reason)


def _split_path(path: str) -> tuple[str, str]:
    """Return the folder of a path and the name in it, which is empty for a folder by itself."""
    _refuse_bad_path(path)
    parent, _, name = path.rpartition("/")
    return parent, "" if name == "." else name


def read_inside(root: Path, path: str, limit: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of one file of a project; see `ProjectTree.read`."""
    with ProjectTree(root) as tree:
        return tree.read(path, limit)
