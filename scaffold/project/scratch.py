"""A copy of a project to try a change in, and what the change came to."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from scaffold.project.files import Change, State
from scaffold.project.git import git
from scaffold.project.lock import Owner, digest, read_lock
from scaffold.project.repository import Repository

__all__ = ["changes", "commit", "copy", "kept", "unmerged"]


def copy(repository: Repository, scratch: Path) -> list[str]:
    """Copy what is tracked; texts get the line endings that git keeps them with."""
    paths = repository.files()
    for path in paths:
        source, target = repository.project / path, scratch / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            target.symlink_to(source.readlink())
        elif source.is_file():
            target.write_bytes(_with_newlines(source.read_bytes()))
            target.chmod(source.stat().st_mode)
    return paths


def commit(scratch: Path) -> None:
    """Make a repository of the copy, with one commit."""
    git(scratch, "init", "--quiet", "--initial-branch", "main", ".")
    git(scratch, "add", "--all", "--force", ".")
    git(scratch, "commit", "--quiet", "--message", "before")


def unmerged(scratch: Path) -> set[str]:
    """Return the files that were left with conflicts in them."""
    listed = git(scratch, "ls-files", "--unmerged", "-z").split("\0")
    return {entry.partition("\t")[2] for entry in listed if entry}


def kept(scratch: Path, paths: Iterable[str]) -> set[str]:
    """Bring back files that the template gave up, and somebody has edited or written."""
    written = read_lock(scratch).owned(Owner.TEMPLATE)
    found: set[str] = set()
    for path in paths:
        target = scratch / path
        if target.exists() or target.is_symlink():
            continue
        git(scratch, "checkout", "HEAD", "--", path)
        if path in written and digest(target.read_bytes()) == written[path].sha256:
            target.unlink()
        else:
            found.add(path)
    return found


def changes(root: Path, scratch: Path, paths: Iterable[str]) -> Iterator[Change]:
    """Yield what would make the project what the copy is, in the project's own line endings."""
    found = git(scratch, "ls-files", "--cached", "--others", "-z").split("\0")
    for path in sorted({*paths, *found} - {""}):
        if (scratch / path).is_symlink():
            continue
        before, after = _read(root / path), _read(scratch / path)
        if before is None and after is not None:
            yield Change(path, State.MISSING, None, after)
        elif before is not None and after is None:
            yield Change(path, State.STALE, before, None)
        elif before is not None and after is not None and _with_newlines(before) != after:
            if _with_newlines(before) != before:
                after = after.replace(b"\n", b"\r\n")
            yield Change(path, State.OUTDATED, before, after)


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _with_newlines(content: bytes) -> bytes:
    return content if b"\0" in content else content.replace(b"\r\n", b"\n")
