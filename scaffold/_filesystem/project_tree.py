"""The files of a project. Every path that a repository names is confined to its folder here.

A path is refused if it is absolute, leaves the project, or leads into `.git` or `.scaffold`, also
through links. Links inside the project are resolved first. Then each folder is opened by name
without following links, so that a link that appears meanwhile is an error.
"""

import errno
import os
import re
import stat
import unicodedata
from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from typing_extensions import override

from scaffold._closing import CloseOnExit
from scaffold._filesystem.folder import Folder
from scaffold._filesystem.reading import MAX_FILE_BYTES, OutsideProjectError

_ORDINARY_PATH = re.compile(
    r"(?:[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*/)*[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*"
)
"""Almost all paths. None of them is refused, so one match is the whole check."""

_NTFS_SHORT_NAME = re.compile(r"(?:git|scaffo)~[0-9]+")
"""The short names that NTFS gives to `.git` and `.scaffold`, without the dot."""


def reason_to_refuse(path: str) -> str | None:
    """Return why a path that a repository names must not be used; `None` if it may be used.

    Refused are absolute paths, `..`, `.git` and `.scaffold` in every spelling that a file system
    accepts for them, and characters that no path can contain.
    Source: `is_ntfs_dotgit` and `is_hfs_dotgit` of git, CVE-2014-9390.

    Args:
        path: Relative to the project, with `/`.
    """
    if _ORDINARY_PATH.fullmatch(path):
        return None
    if "\0" in path or any("\ud800" <= character <= "\udfff" for character in path):
        return "has a character that no path can contain"
    parts = re.split(r"[/\\]", path)
    if path[:1] in ("/", "\\") or re.match(r"[A-Za-z]:", path):
        return "leads out of the project: it is absolute"
    for part in parts:
        if part in ("", "."):
            continue
        if not part.strip(". "):
            return "leads out of the project: it has '..' in it"
        if _normalized(part) in (".git", ".scaffold") or _NTFS_SHORT_NAME.fullmatch(
            _normalized(part)
        ):
            return f"leads into '{'.scaffold' if 'scaffo' in _normalized(part) else '.git'}'"
    return None


def _normalized(part: str) -> str:
    """Return a name as the most tolerant file system reads it.

    NTFS ignores dots and spaces at the end, and takes the text after a colon as the name of a
    stream. HFS+ ignores the format characters of Unicode. Both ignore case.
    """
    visible = "".join(each for each in part if unicodedata.category(each) != "Cf")
    name = visible.partition(":")[0].rstrip(". ")
    return unicodedata.normalize("NFKC", name).casefold()


_LINK_ERRORS = {errno.ELOOP, errno.EMLINK, errno.ENOTDIR}
"""The errors of systems when a link is opened with `O_NOFOLLOW`."""
_MAX_OPEN_FOLDERS = 16
"""Folders that are kept open at the same time."""


class ProjectTree(CloseOnExit):
    """The open folder of a project.

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
        """The path of the folder, with all links resolved."""
        return self.root.resolve()

    def locate(self, path: str) -> str:
        """Return the path with links resolved; the file need not exist."""
        parent, name = _split_path(path)
        real = self._real_folder(parent)
        if not name:
            return real
        whole = f"{real}/{name}" if real else name
        folder = self._reach(real)
        return self._resolved(whole) if folder is not None and folder.is_link(name) else whole

    def holds(self, path: str) -> bool:
        """Return whether the path exists; a link counts, whatever its target is."""
        parent, name = _split_path(path)
        folder = self._reach(self._real_folder(parent))
        return folder is not None and (not name or folder.state(name) is not None)

    def folder(self, path: str) -> Folder:
        """Open a folder of the project. It is closed with the tree."""
        _refuse_bad_path(path)
        found = self._reach(self._real_folder(path))
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.root / path))
        return found

    def make(self, path: str, modes: Mapping[str, int] | None = None) -> Folder:
        """Open a folder, and create it and its parents if they do not exist.

        Args:
            path: The folder.
            modes: Permissions of new folders by path; the default is 0777 without the umask.
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
        """Return the content of a regular file, as `read_small_file` does."""
        parent, name = _split_path(path)
        folder = self.folder(parent)
        if not name:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self.root / path))
        try:
            return folder.read(name, limit)
        except OSError as error:
            if error.errno not in _LINK_ERRORS or not folder.is_link(name):
                raise
            parent, name = _split_path(self.locate(path))
            return self.folder(parent).read(name, limit)

    def _real_folder(self, path: str) -> str:
        """Resolve the links in the path of a folder; missing parts stay unchanged."""
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
        """Resolve a link; refuse it if its target is outside of the project."""
        target = Path(os.path.realpath(self.real / path))
        if not target.is_relative_to(self.real):
            raise OutsideProjectError(path, f"leads out of the project, to '{target}'")
        real = target.relative_to(self.real).as_posix()
        real = "" if real == "." else real
        _refuse_bad_path(real, path)
        return real

    def _reach(self, real: str) -> Folder | None:
        """Open a folder name by name without following links; `None` if it does not exist."""
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
    """Split a path into folder and name; the name is empty if the path is a folder."""
    _refuse_bad_path(path)
    parent, _, name = path.rpartition("/")
    return parent, "" if name == "." else name
