"""The git repository that a project is kept in, and whether it is ready to be written to."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from scaffold.project.errors import PreconditionError
from scaffold.project.git import git_or_none

__all__ = ["Repository", "open_repository"]

_UNFINISHED = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}
"""What git keeps in its own folder while it waits for a person."""
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository around a project, which may be a folder in it or all of it."""

    project: Path
    head: str
    """The commit that is checked out."""

    def files(self) -> list[str]:
        """Return the project's tracked files, relative to it, sorted."""
        return sorted(path for path in self._git("ls-files", "-z").split("\0") if path)

    def dirty(self) -> list[str]:
        """Return the project's files that are not as they were committed, untracked ones too."""
        status = self._git("status", "--porcelain", "-z", "--no-renames", "--", ".")
        return sorted(entry[3:] for entry in status.split("\0") if entry)

    def record(self) -> Path:
        """Return where an update of this project keeps what it needs to be taken back."""
        prefix = sha256(self._git("rev-parse", "--show-prefix").encode()).hexdigest()[:12]
        return self._own(f"scaffold-update-{prefix}")

    def refuse_unfinished(self) -> None:
        """Raise `PreconditionError` in the middle of a merge and the like."""
        for name, work in _UNFINISHED.items():
            if self._own(name).exists():
                message = f"the repository of '{self.project}' is in the middle of a {work}"
                mend = f"finish it, or end it with 'git {work} --abort'"
                raise PreconditionError("unfinished", message, mend)

    def refuse_dirty(self) -> None:
        """Raise `PreconditionError` unless every file of the project is committed."""
        dirty = self.dirty()
        if dirty:
            listed = ", ".join(f"'{path}'" for path in dirty[:_NAMED])
            more = f" and {len(dirty) - _NAMED} more" if len(dirty) > _NAMED else ""
            message = f"not committed: {listed}{more}"
            mend = "commit your changes, or put them aside with 'git stash --include-untracked'"
            raise PreconditionError("dirty", message, mend)

    def _own(self, name: str) -> Path:
        return self.project / self._git("rev-parse", "--git-path", name).removesuffix("\n")

    def _git(self, *arguments: str) -> str:
        answer = git_or_none(self.project, *arguments)
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
    if git_or_none(project, "rev-parse", "--show-toplevel") is None:
        message = f"'{project}' is not kept in git, so that nothing could be taken back"
        mend = "run 'git init', 'git add --all' and 'git commit' there"
        raise PreconditionError("not-in-git", message, mend)
    head = git_or_none(project, "rev-parse", "--verify", "--quiet", "HEAD")
    if head is None:
        message = f"the repository of '{project}' has no commit yet"
        raise PreconditionError("no-commit", message, "run 'git add --all' and 'git commit' there")
    return Repository(project, head.strip())
