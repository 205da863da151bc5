"""A newer template, merged into a project: worked out in a scratch copy before it is touched.

copier merges; around it stands what it leaves open. It works on a copy that no person's setting
reaches, so that the project and its repository stay as they are until all is known; conflicts are
found and named; a file that the template gave up is not taken from an author who has edited it; and
the bindings are generated from the merged project.
"""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scaffold.project.answers import (
    ANSWERS,
    SHIPPED,
    Origin,
    answers_in,
    read_origin,
    with_source,
)
from scaffold.project.drift import drift
from scaffold.project.errors import PreconditionError
from scaffold.project.files import Change, State, refuse_edits
from scaffold.project.git import ISOLATED, git
from scaffold.project.history import write_history
from scaffold.project.lock import LOCKFILE, Entry, Lock, Owner, digest, read_lock
from scaffold.project.repository import Repository
from scaffold.project.template import shipped_versions
from scaffold.project.write import apply

__all__ = ["Update", "plan_update"]


@dataclass(frozen=True, slots=True)
class Update:
    """What an update would do to a project."""

    before: str
    after: str
    """Versions of the template."""
    changes: tuple[Change, ...]
    conflicts: tuple[str, ...]
    """Files in which a person must choose, by path."""
    generated: bool
    """False if a conflict is in the way of generating."""


def plan_update(
    repository: Repository, facts: Mapping[str, str], *, to: str | None, source: str | None
) -> Update:
    """Work out an update, and touch nothing.

    `facts` are answers that the project's hookspec gives anew. `to` is a version of the template,
    the newest without; `source` another repository of it. Raises `PreconditionError` if there is no
    such template or version, or if generated files were edited by hand.
    """
    origin = read_origin(repository.project)
    if source is None and (to or _newest(origin)) == origin.version:
        return Update(origin.version, origin.version, (), (), generated=True)
    with TemporaryDirectory(prefix="scaffold-update-") as folder:
        scratch = Path(folder) / "project"
        paths = _copy(repository, scratch)
        wanted = source or origin.source
        template = _template(Path(folder) / "template.git", wanted, (origin.version, to))
        answers = scratch / ANSWERS
        answers.write_text(with_source(answers.read_text("utf-8"), template), "utf-8")
        _commit(scratch)
        _merge(scratch, facts, to=to, trusted=wanted.startswith(SHIPPED))
        conflicts = {*_unmerged(scratch), *_kept(scratch, paths)}
        after = read_origin(scratch)
        answers.write_text(with_source(answers.read_text("utf-8"), wanted), "utf-8")
        _write_lock(scratch, template, after.version)
        generated = _generate(scratch)
        changes = tuple(_changes(repository.project, scratch, paths))
    return Update(origin.version, after.version, changes, tuple(sorted(conflicts)), generated)


def _newest(origin: Origin) -> str | None:
    """Return the newest version of a shipped template; what others have is not known here."""
    if not origin.source.startswith(SHIPPED):
        return None
    return next(reversed(shipped_versions(origin.source.removeprefix(SHIPPED))), None)


def _copy(repository: Repository, scratch: Path) -> list[str]:
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


def _template(repository: Path, source: str, versions: Iterable[str | None]) -> str:
    """Return what copier can read the template from."""
    if not source.startswith(SHIPPED):
        path = Path(source).expanduser()
        return str(path.resolve()) if path.exists() else source
    known = shipped_versions(source.removeprefix(SHIPPED))
    for version in versions:
        if version is not None and version not in known:
            message = f"there is no version '{version}' of the template '{source}'"
            listed = ", ".join(f"'{each}'" for each in known)
            mend = f"there is: {listed}; a newer scaffold may have more"
            raise PreconditionError("unknown-version", message, mend)
    write_history(repository, known)
    return str(repository)


def _commit(scratch: Path) -> None:
    git(scratch, "init", "--quiet", "--initial-branch", "main", ".")
    git(scratch, "add", "--all", "--force", ".")
    git(scratch, "commit", "--quiet", "--message", "before")


def _merge(scratch: Path, facts: Mapping[str, str], *, to: str | None, trusted: bool) -> None:
    from copier import Settings, run_update

    with _copier():
        run_update(
            scratch,
            dict(facts),
            vcs_ref=to,
            settings=Settings(),
            defaults=True,
            overwrite=True,
            quiet=True,
            # Migrations are commands: those of our own templates are run, nobody else's.
            unsafe=trusted,
        )


def _pristine(folder: Path, template: str, version: str, answers: dict[str, Any]) -> None:
    from copier import Settings, run_copy

    with _copier():
        run_copy(
            template,
            folder,
            answers,
            vcs_ref=version,
            settings=Settings(),
            defaults=True,
            quiet=True,
            skip_tasks=True,
        )


@contextmanager
def _copier() -> Generator[None]:
    """Run copier as on a machine without an owner, and explain what it refuses."""
    from copier.errors import CopierError
    from plumbum import ProcessExecutionError, local

    try:
        with local.env(**ISOLATED):
            yield
    except (CopierError, ProcessExecutionError, ValueError) as error:
        message = f"the template cannot be merged: {' '.join(str(error).split())}"
        mend = "see what the template's repository says, or name another with --template"
        raise PreconditionError("template", message, mend) from error


def _unmerged(scratch: Path) -> set[str]:
    listed = git(scratch, "ls-files", "--unmerged", "-z").split("\0")
    return {entry.partition("\t")[2] for entry in listed if entry}


def _kept(scratch: Path, paths: Iterable[str]) -> set[str]:
    """Bring back files that the template gave up, and somebody has edited or written."""
    written = read_lock(scratch).owned(Owner.TEMPLATE)
    kept: set[str] = set()
    for path in paths:
        target = scratch / path
        if target.exists() or target.is_symlink():
            continue
        git(scratch, "checkout", "HEAD", "--", path)
        if path in written and digest(target.read_bytes()) == written[path].sha256:
            target.unlink()
        else:
            kept.add(path)
    return kept


def _write_lock(scratch: Path, template: str, version: str) -> None:
    """Record what the template wrote, and not what the author has made of it."""
    lock = read_lock(scratch)
    entries = {path: each for path, each in lock.files.items() if each.owner is not Owner.TEMPLATE}
    answers = scratch / ANSWERS
    with TemporaryDirectory(prefix="scaffold-") as name:
        folder = Path(name)
        _pristine(folder, template, version, answers_in(answers.read_text("utf-8")))
        for file in folder.rglob("*"):
            path = file.relative_to(folder).as_posix()
            if file.is_file() and (scratch / path).exists():
                entries[path] = Entry(Owner.TEMPLATE, digest(file.read_bytes()))
    entries[ANSWERS] = Entry(Owner.TEMPLATE, digest(answers.read_bytes()))
    text = Lock(lock.generator, lock.hookspecs, entries).render()
    (scratch / LOCKFILE).write_bytes(text.encode())


def _generate(scratch: Path) -> bool:
    try:
        changes = drift(scratch)
    except PreconditionError as error:
        if error.code != "settings-invalid":
            raise
        return False  # pyproject.toml has a conflict in it
    refuse_edits(changes)
    apply(scratch, changes)
    return True


def _changes(root: Path, scratch: Path, paths: list[str]) -> Generator[Change]:
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
