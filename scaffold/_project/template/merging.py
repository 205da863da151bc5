"""One file of a template, merged into a project: the three versions, and the merged result.

`base` is what the template made of the project when it was last updated, `theirs` what it makes
now, `ours` what the project has: the file on the disk, and what git knows of it. What the template
changes reaches the project, or is a conflict that is named; what the author changed stays. Content,
line ends and the executable bit are merged one by one: each is what the template makes it, if the
author has left it as it was.

Edits of a file that the template has moved belong to its new place: `_moves` in `copier.yml` maps
old paths to new ones, and both may hold answers, as the names of template files do.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final, TypeVar

from msgspec import ValidationError, convert

from scaffold._filesystem.project_tree import ProjectTree
from scaffold._filesystem.reading import OutsideProjectError
from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.trees import File, Files, Mode
from scaffold._project.git.git import merge_files
from scaffold._project.git.repository import Tracked
from scaffold._project.template.template import RenderedTemplate

_LABELS: Final = ("before updating", "last update", "after updating")
_CRLF: Final = b"\r\n"
_Part = TypeVar("_Part", Mode, bytes)


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """What the project has at a path of the template."""

    file: File | None
    tracked: bool = True
    """False if git has no copy of the file, so that a conflict in it could not be taken back."""
    obstacle: str = ""
    """Why the path cannot be written, whatever the template wants there."""


@dataclass(frozen=True, slots=True)
class MergeResult:
    """What a file of the project becomes."""

    file: File | None
    """None: it is removed."""
    changed: bool = True
    """False if the file stays as it is."""
    conflict: str | None = None
    """None if there is no conflict; empty if both sides are in the file; else what it is about."""


_SAME: Final = MergeResult(None, changed=False)


def merge_file(
    base: File | None, ours: ProjectFile, theirs: File | None, *, only_new: bool, folder: Path
) -> MergeResult:
    """Return what comes of three versions of a file.

    Args:
        base: What the template made before.
        ours: What the project has.
        theirs: What the template makes now.
        only_new: True for a file that the template makes only where it is missing.
        folder: An empty folder of this program, for git's merge.
    """
    if base == theirs or (ours.file is not None and ours.file == theirs):
        return _SAME
    if ours.obstacle:
        return _conflict(ours.obstacle)
    if ours.file is None:
        return _where_it_is_missing(base, theirs, only_new=only_new)
    if only_new:
        return _SAME
    if theirs is None:
        return (
            MergeResult(None)
            if ours.file == base
            else MergeResult(None, changed=False, conflict="")
        )
    if Mode.LINK in {base.mode if base else None, ours.file.mode, theirs.mode}:
        return _conflict("the template or the project has a link there, and links are not merged")
    return _merge_contents(base, ours, theirs, folder)


def with_line_endings_of(before: bytes, text: bytes) -> bytes:
    """Give a text the line ends of another one; `text` has newlines."""
    return text.replace(b"\n", _CRLF) if _ends(before) == _CRLF else text


def _conflict(reason: str) -> MergeResult:
    return MergeResult(None, changed=False, conflict=reason)


def _where_it_is_missing(base: File | None, theirs: File | None, *, only_new: bool) -> MergeResult:
    if theirs is None or (base is not None and not only_new):
        return _SAME  # the author has deleted it
    if theirs.mode is Mode.LINK:
        return _conflict("the template makes it a link, and links are not written")
    return MergeResult(theirs)


def _merge_contents(
    base: File | None, ours: ProjectFile, theirs: File, folder: Path
) -> MergeResult:
    mine = ours.file
    assert mine is not None
    if mine == base:
        return MergeResult(theirs)
    old = base or File(b"", theirs.mode)
    texts = [_with_newlines(each.content) for each in (mine, old, theirs)]
    text, clean = _merge_texts(texts, folder) if base else _both(texts, folder)
    if text is None:
        return _conflict("both sides have changed it, and it is not text")
    if not clean and not ours.tracked:
        return _conflict("git does not track your file, so that it was left as it is")
    ends = [_ends(each.content) for each in (old, mine, theirs)]
    wanted = _decide(*ends) if base else ends[1]
    file = File(_with_ends(text, mine.content, wanted), _decide(old.mode, mine.mode, theirs.mode))
    return MergeResult(file, changed=file != mine, conflict=None if clean else "")


def _decide(base: _Part, ours: _Part, theirs: _Part) -> _Part:
    return theirs if ours == base else ours


def _merge_texts(texts: Sequence[bytes], folder: Path) -> tuple[bytes | None, bool]:
    """Merge ours, base and theirs; None if that cannot be done, False if there are conflicts."""
    ours, base, theirs = texts
    if ours == base:
        return theirs, True
    if base in (theirs, ours) or ours == theirs:
        return ours, True
    return _both(texts, folder)


def _both(texts: Sequence[bytes], folder: Path) -> tuple[bytes | None, bool]:
    if texts[0] == texts[2]:
        return texts[0], True
    if any(b"\0" in each for each in texts):
        return None, False
    names = ("ours", "base", "theirs")
    for name, text in zip(names, texts, strict=True):
        (folder / name).write_bytes(text)
    return merge_files(folder, names, _LABELS)


def _with_newlines(content: bytes) -> bytes:
    return content if b"\0" in content else content.replace(_CRLF, b"\n")


def _ends(content: bytes) -> bytes:
    """Return how all lines of a text end; empty if they differ."""
    pairs, ends = content.count(_CRLF), content.count(b"\n")
    if b"\0" in content or not pairs:
        return b"\n"
    return _CRLF if pairs == ends else b""


def _with_ends(text: bytes, ours: bytes, ends: bytes) -> bytes:
    """Give a merged text its line ends; if those of ours differ, each old line keeps its own."""
    if b"\0" in text or ends == b"\n":
        return text
    if ends == _CRLF:
        return text.replace(b"\n", _CRLF)
    before = ours.splitlines(keepends=True) if b"\r" not in ours.replace(_CRLF, b"") else []
    old = [_with_newlines(line) for line in before]
    new = text.splitlines(keepends=True)
    lines: list[bytes] = []
    for tag, start, end, first, last in SequenceMatcher(None, old, new).get_opcodes():
        lines += before[start:end] if tag == "equal" else new[first:last]
    return b"".join(lines)


def project_file_at(
    tree: ProjectTree, tracked: Mapping[str, Tracked], path: str
) -> tuple[str, ProjectFile]:
    """Return where a path really is in a project, links followed, and what is there.

    Args:
        tree: The folder of the project.
        tracked: What git has in its index.
        path: A path that the template makes.
    """
    try:
        real = tree.locate(path)
        if reason := _other_repository(tree, tracked, real):
            return real, ProjectFile(None, obstacle=reason)
        return real, _at(tree, tracked.get(real), path, real)
    except OutsideProjectError as error:
        return path, ProjectFile(None, obstacle=f"its place in the project {error.strerror}")
    except NotADirectoryError:
        return path, ProjectFile(None, obstacle="a file has the name of its folder")
    except OSError as error:
        return path, ProjectFile(None, obstacle=f"it cannot be read: {error.strerror}")


def _at(tree: ProjectTree, known: Tracked | None, path: str, real: str) -> ProjectFile:
    parent, _, name = real.rpartition("/")
    try:
        folder = tree.folder(parent)
    except FileNotFoundError:
        state = None
    else:
        state = folder.state(name)
    if state is None:
        if known is not None and known.skipped:
            return ProjectFile(None, obstacle="a sparse checkout leaves it out")
        return ProjectFile(None, obstacle="it is a link to nothing" if real != path else "")
    if stat.S_ISDIR(state.st_mode):
        return ProjectFile(None, obstacle="a folder has its name")
    if not stat.S_ISREG(state.st_mode):
        return ProjectFile(None, obstacle="it is neither a file nor a link to one")
    executable = state.st_mode & stat.S_IXUSR if os.name == "posix" else _was_executable(known)
    mode = Mode.EXECUTABLE if executable else Mode.FILE
    return ProjectFile(File(tree.read(real), mode), tracked=known is not None)


def _was_executable(known: Tracked | None) -> bool:
    return known is not None and known.mode is Mode.EXECUTABLE


def _other_repository(tree: ProjectTree, tracked: Mapping[str, Tracked], real: str) -> str:
    """Return why a path is not of this repository: a submodule, or one inside of the folder."""
    for folder in (*_parents(real), real):
        known = tracked.get(folder)
        if known is not None and known.mode is Mode.SUBMODULE:
            return f"'{folder}' is a submodule"
    for folder in _parents(real):
        try:
            if tree.folder(folder).state(".git") is not None:
                return f"'{folder}' is another repository"
        except FileNotFoundError:
            break
    return ""


def _parents(path: str) -> Iterator[str]:
    """Yield the folders of a path, the outermost first."""
    parts = path.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])


def moved_files(base: Files, new: RenderedTemplate, name: str) -> dict[str, str]:
    """Return the old path of each file that the new version has under another name.

    Args:
        base: What the version of before makes.
        new: What the new version makes.
        name: What the person calls the new version, for messages.
    """
    try:
        listed = convert(new.config.get("moves", {}), dict[str, str])
    except ValidationError as error:
        raise _bad(name, str(error)) from error
    found = {_path(to, new, name): _path(old, new, name) for old, to in listed.items()}
    return {
        to: old
        for to, old in found.items()
        if old in base and to not in base and to in new.files and old not in new.files
    }


def _path(text: str, rendering: RenderedTemplate, name: str) -> str:
    from jinja2 import TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    try:
        return SandboxedEnvironment().from_string(text).render(**rendering.answers)
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise _bad(name, f"'{text}': {error}") from error


def _bad(name: str, reason: str) -> PreconditionError:
    return PreconditionError("template", f"{name}: '_moves' in its 'copier.yml': {reason}")
