"""The git repository that a project is kept in, and whether it is ready to be written to."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

from scaffold._filesystem.reading import read_small_file
from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.trees import Mode
from scaffold._project.git.git import run_read_only
from scaffold._project.git.special_files import refuse_special_ignored

_UNFINISHED: Final = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}
"""What git keeps in its own folder while it waits for a person."""
_NAMED: Final = 5
_INDEXED: Final = re.compile(
    r"(?P<tag>\S) (?P<mode>\d+) (?P<oid>[0-9a-f]+) (?P<stage>\d)\t(?P<path>[^\0]*)\0"
    # What `--debug` adds may change with git's version: without it, contents are compared.
    r"(?:  ctime: \d+:\d+\n  mtime: (?P<seconds>\d+):(?P<fraction>\d+)\n  dev: .*\n  uid: .*\n"
    r"  size: (?P<size>\d+)\tflags: .*\n)?"
)
_SECOND: Final = 10**9
_UNKNOWN: Final = -1
_WORD: Final = 2**32
"""The index keeps sizes in 32 bits."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """One path in git's index."""

    path: str
    """Relative to the project."""
    mode: Mode
    oid: str
    stage: int
    """0, or the side of a conflict."""
    skipped: bool
    """True if a sparse checkout leaves it out."""
    size: int
    written: int
    """When the file was last the same as in the index, in nanoseconds."""


@dataclass(frozen=True)
class Repository:
    """The repository around a project, which may be a folder in it or all of it."""

    project: Path
    head: str
    """The commit that is checked out."""

    @cached_property
    def tracked(self) -> dict[str, Tracked]:
        """The project's paths in git's index."""
        listed = self._git("ls-files", "--cached", "--stage", "-v", "--debug", "-z")
        found = list(_indexed(os.fsdecode(listed)))
        if len(found) != listed.count(b"\0"):
            raise PreconditionError("git", "git lists its index in a way that is not known")
        return {each.path: each for each in found}

    def dirty(self) -> list[str]:
        """Return the project's files that are not as they were committed, untracked ones too.

        Files are compared here: `git status` would run the filters that the repository's settings
        name, look into submodules, and believe what the index says of files to be left alone.
        """
        excludes = run_read_only(
            self.project, "config", "--type=path", "--null", "--get", "core.excludesFile"
        )
        refuse_special_ignored(self.project, os.fsdecode(excludes or b"").removesuffix("\0"))
        staged = self._git(
            *("diff-index", "--cached", "--relative", "--name-only", "-z", "--no-renames"),
            *("--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", self.head, "--", "."),
        )
        unknown = self._git(
            *("ls-files", "--others", "--exclude-standard", "--directory"),
            *("--no-empty-directory", "-z", "--", "."),
        )
        listed = {*os.fsdecode(staged).split("\0"), *os.fsdecode(unknown).split("\0")} - {""}
        since = self._indexed_at()
        listed |= {each.path for each in self.tracked.values() if self._edited(each, since)}
        return sorted(listed)

    def record(self) -> Path:
        """Return where an update of this project keeps what it needs to be taken back."""
        prefix = sha256(self._git("rev-parse", "--show-prefix")).hexdigest()[:12]
        return self._own(f"scaffold-update-{prefix}")

    def refuse_unfinished(self) -> None:
        """Raise `PreconditionError` in the middle of a merge and the like."""
        for name, work in _UNFINISHED.items():
            if self._own(name).exists():
                message = f"the repository of '{self.project}' is in the middle of a {work}"
                advice = f"finish it, or end it with 'git {work} --abort'"
                raise PreconditionError("unfinished", message, advice)

    def refuse_dirty(self) -> None:
        """Raise `PreconditionError` unless every file of the project is committed."""
        dirty = self.dirty()
        if dirty:
            listed = ", ".join(f"'{path}'" for path in dirty[:_NAMED])
            more = f" and {len(dirty) - _NAMED} more" if len(dirty) > _NAMED else ""
            message = f"not committed: {listed}{more}"
            advice = (
                "commit your changes, or stash them with 'git stash --include-untracked'; "
                "if 'git status' shows none, run it once: it brings git's index up to date"
            )
            raise PreconditionError("dirty", message, advice)

    def _edited(self, known: Tracked, since: int) -> bool:
        """Tell whether a file of the work tree is not what the index has."""
        path = self.project / known.path
        try:
            found = path.lstat()
        except OSError:  # not there, or behind a file or a link that leads nowhere
            return not known.skipped and known.mode is not Mode.SUBMODULE
        if known.mode is Mode.SUBMODULE:
            return not stat.S_ISDIR(found.st_mode)
        executable = bool(found.st_mode & stat.S_IXUSR) == (known.mode is Mode.EXECUTABLE)
        if known.stage or (self._modes_count and stat.S_ISREG(found.st_mode) and not executable):
            return True
        stamp = (found.st_size % _WORD, found.st_mtime_ns)
        if (known.size, known.written) == stamp and found.st_mtime_ns < since:
            return False
        try:
            if stat.S_ISLNK(found.st_mode):
                return known.oid not in _names(os.fsencode(path.readlink()))
            return known.oid not in _names(read_small_file(path))
        except OSError:
            return True

    @cached_property
    def _modes_count(self) -> bool:
        """False where the file system keeps no executable bit, as git found out."""
        return run_read_only(self.project, "config", "--type=bool", "core.fileMode") != b"false\n"

    def _indexed_at(self) -> int:
        """Return when the index was written: a file that is as old may have changed since."""
        try:
            return self._own("index").stat().st_mtime_ns
        except OSError:
            return 0

    def _own(self, name: str) -> Path:
        found = os.fsdecode(self._git("rev-parse", "--git-path", name))
        return self.project / found.removesuffix("\n")

    def _git(self, *arguments: str) -> bytes:
        answer = run_read_only(self.project, *arguments)
        if answer is None:
            message = f"git cannot read the repository of '{self.project}'"
            raise PreconditionError("git", message, f"see what 'git {arguments[0]}' says there")
        return answer


def open_repository(project: Path) -> Repository:
    """Return the repository that a project is kept in.

    Raises `PreconditionError` if there is none, or one without a commit.
    """
    if not project.is_dir():
        raise PreconditionError("no-project", f"there is no folder '{project}'")
    top = run_read_only(project, "rev-parse", "--show-toplevel")
    # A setting `core.worktree` may name any folder as the one that is tracked.
    around = top and Path(os.fsdecode(top).removesuffix("\n")).resolve()
    if not around or not project.resolve().is_relative_to(around):
        message = f"'{project}' is not in a git repository, so an update could not be undone"
        advice = "run 'git init', 'git add --all' and 'git commit' there"
        raise PreconditionError("not-in-git", message, advice)
    head = run_read_only(project, "rev-parse", "--verify", "--quiet", "HEAD")
    if head is None:
        message = f"the repository of '{project}' has no commit yet"
        raise PreconditionError("no-commit", message, "run 'git add --all' and 'git commit' there")
    return Repository(project, head.decode().strip())


def _indexed(listed: str) -> Iterator[Tracked]:
    for found in _INDEXED.finditer(listed):
        mode = found["mode"]
        yield Tracked(
            found["path"],
            Mode(mode) if mode in set(Mode) else Mode.FILE,
            found["oid"],
            int(found["stage"]),
            found["tag"] in "Ss",
            int(found["size"] or _UNKNOWN),
            int(found["seconds"] or _UNKNOWN) * _SECOND + int(found["fraction"] or 0),
        )


def _names(content: bytes) -> set[str]:
    r"""Return the names that git may have for a file: as it is, and with `\n` at its line ends."""
    texts = {content} if b"\0" in content else {content, content.replace(b"\r\n", b"\n")}
    return {
        hashlib.new(kind, b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()
        for text in texts
        for kind in ("sha1", "sha256")
    }
