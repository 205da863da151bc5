"""Files that git would wait for, or read without an end.

Git opens the files of its own folder, and every `.gitignore`, without looking at what they are. It
waits for a pipe that never gets a writer, and takes a file of any size into memory. An unpacked
archive may bring both.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from scaffold._filesystem.reading import MAX_FILE_BYTES, read_small_file
from scaffold._project.config.errors import PreconditionError

_IGNORED: Final = ".gitignore"
_GIT: Final = ".git"
_WORDS: Final = "gitdir: "
_NEVER_OPENED: Final = {"lfs", "modules"}
"""Folders in git's own that the commands used here do not read; they may be large."""
_REFS: Final = "refs"
"""A folder of small files, which git reads as a whole."""
_LIMITS: Final = {
    **dict.fromkeys(("config", "config.worktree", "HEAD", "commondir", "shallow"), MAX_FILE_BYTES),
    **dict.fromkeys(("exclude", "attributes", "grafts", "sparse-checkout"), MAX_FILE_BYTES),
    "alternates": MAX_FILE_BYTES,
    # That of a repository with a million branches and tags has half as much.
    "packed-refs": 256 * 2**20,
}
"""How many bytes the files have at most that git reads as a whole."""
_INCLUDED: Final = re.compile(
    rb"^[^\S\n]*(?:\[[^]\n]*\])?[^\S\n]*path[^\S\n]*=(.*)$", re.IGNORECASE | re.MULTILINE
)
"""The files that settings include, and others: submodules have a `path` as well."""


def refuse_special(top: Path) -> None:
    """Refuse a repository in whose own folder git would wait, or read without an end.

    Args:
        top: A folder that has `.git`: a folder, or a file that names one.

    Raises:
        PreconditionError: `special-file`, with the path.
    """
    own = _own(top / _GIT)
    shared = _shared(own)
    for folder in {own, shared}:
        with suppress(OSError, ValueError):
            found = folder.stat()
            _refuse_in(folder, (found.st_ino, found.st_mtime_ns))


def refuse_special_ignored(project: Path, excludes: str) -> None:
    """Refuse what git would wait for while it lists the unknown files of a project.

    That is a `.gitignore` in or above it that is not a regular file of at most 16 MB, and the same
    in the folder of git of a repository in it.

    Args:
        project: A folder of the repository.
        excludes: The file that `core.excludesFile` names; empty if it is not set.

    Raises:
        PreconditionError: `special-file`, with the path.
    """
    above = list(_above(project))
    if excludes:
        top = above[-1].parent if above else project
        _refuse(top / excludes, MAX_FILE_BYTES)
    for path in (*above, *_below(project)):
        _refuse(path, MAX_FILE_BYTES)


def _above(project: Path) -> Iterator[Path]:
    """Yield the lists of ignored files between a project and the top of its repository."""
    folder = project.resolve()
    while not (folder / _GIT).exists() and folder != folder.parent:
        folder = folder.parent
        yield folder / _IGNORED


def _below(project: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(project):
        if _GIT in (*folders, *names):
            # Git looks whether a folder is a repository of its own.
            refuse_special(Path(place))
            folders[:] = [name for name in folders if name != _GIT]
        for name in names:
            # Some file systems do not tell case.
            if name.casefold() == _IGNORED:
                yield Path(place, name)


def _own(path: Path) -> Path:
    """Return git's own folder, which a file may name."""
    if not path.is_file():
        _refuse(path, MAX_FILE_BYTES)
        return path
    try:
        text = os.fsdecode(read_small_file(path))
    except OSError:
        text = ""
    return path.parent / text.removeprefix(_WORDS).strip() if text.startswith(_WORDS) else path


def _shared(own: Path) -> Path:
    """Return the folder that several work trees share."""
    _refuse(own / "commondir", MAX_FILE_BYTES)
    try:
        return own / os.fsdecode(read_small_file(own / "commondir")).strip()
    except (OSError, ValueError):
        return own


@cache
def _refuse_in(folder: Path, _state: tuple[int, int]) -> None:
    """Refuse special files in a folder, once in a process; most objects cost no system call."""
    refs = str(folder / _REFS)
    waiting = [str(folder)]
    while waiting:
        place = waiting.pop()
        usual = MAX_FILE_BYTES if place == refs or place.startswith(f"{refs}/") else None
        with suppress(OSError, ValueError), os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if place != str(folder) or entry.name not in _NEVER_OPENED:
                        waiting.append(entry.path)
                    continue
                limit = _LIMITS.get(entry.name, usual)
                if limit is not None or not entry.is_file(follow_symlinks=False):
                    _refuse(Path(entry.path), limit)
    _refuse_included([folder / "config", folder / "config.worktree"])


def _refuse_included(waiting: list[Path]) -> None:
    """Refuse special files that settings include, and those that these include."""
    seen: set[Path] = set()
    while waiting:
        config = waiting.pop()
        if config in seen:
            continue
        seen.add(config)
        _refuse(config, MAX_FILE_BYTES)
        with suppress(OSError, ValueError, RuntimeError):  # `~name` of an unknown user
            waiting += _included(config, read_small_file(config))


def _included(config: Path, content: bytes) -> Iterator[Path]:
    """Yield the files that the text of settings may include."""
    text = content.replace(b"\\\n", b"")
    if b"[include" not in text.lower():
        return
    for value in _INCLUDED.findall(text):
        # A comment ends the value, unless it is quoted: both readings are looked at.
        for named in {value, re.split(rb"[#;]", value)[0]}:
            name = os.fsdecode(re.sub(rb"\\(.)", rb"\1", named.strip().replace(b'"', b"")))
            yield Path(os.path.realpath(config.parent / Path(name).expanduser()))


def _refuse(path: Path, limit: int | None) -> None:
    """Refuse a pipe or a device, and a file of more bytes than the limit."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return
    kind = found.st_mode
    if os.path.realpath(path) == os.devnull:
        return
    if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
        reason = "is a pipe or a device, and git would wait for it"
    elif limit is not None and stat.S_ISREG(kind) and found.st_size > limit:
        reason = f"has more than {limit // 2**20} MB, and git would read all of it"
    else:
        return
    message = f"'{path}' {reason}"
    raise PreconditionError("special-file", message, "remove it: no version of it is of use to git")
