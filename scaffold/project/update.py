"""A newer template, merged into a project: worked out in a scratch copy before it is touched.

copier merges; around it stands what it leaves open. It works on a copy that no person's setting
reaches, so that the project and its repository stay as they are until all is known; conflicts are
found and named; a file that the template gave up is not taken from an author who has edited it; and
the bindings are generated from the merged project.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

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
from scaffold.project.files import Change, refuse_edits
from scaffold.project.history import write_history
from scaffold.project.lock import LOCKFILE, Entry, Lock, Owner, digest, read_lock
from scaffold.project.merging import merge, pristine
from scaffold.project.repository import Repository
from scaffold.project.scratch import changes, commit, copy, kept, unmerged
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
        paths = copy(repository, scratch)
        wanted = source or origin.source
        template = _template(Path(folder) / "template.git", wanted, (origin.version, to))
        answers = scratch / ANSWERS
        answers.write_text(with_source(answers.read_text("utf-8"), template), "utf-8")
        commit(scratch)
        merge(scratch, facts, to=to, trusted=wanted.startswith(SHIPPED))
        conflicts = {*unmerged(scratch), *kept(scratch, paths)}
        after = read_origin(scratch)
        answers.write_text(with_source(answers.read_text("utf-8"), wanted), "utf-8")
        _write_lock(scratch, template, after.version)
        generated = _generate(scratch)
        found = tuple(changes(repository.project, scratch, paths))
    return Update(origin.version, after.version, found, tuple(sorted(conflicts)), generated)


def _newest(origin: Origin) -> str | None:
    """Return the newest version of a shipped template; what others have is not known here."""
    if not origin.source.startswith(SHIPPED):
        return None
    return next(reversed(shipped_versions(origin.source.removeprefix(SHIPPED))), None)


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


def _write_lock(scratch: Path, template: str, version: str) -> None:
    """Record what the template wrote, and not what the author has made of it."""
    lock = read_lock(scratch)
    entries = {path: each for path, each in lock.files.items() if each.owner is not Owner.TEMPLATE}
    answers = scratch / ANSWERS
    with TemporaryDirectory(prefix="scaffold-") as name:
        folder = Path(name)
        pristine(folder, template, version, answers_in(answers.read_text("utf-8")))
        for file in folder.rglob("*"):
            path = file.relative_to(folder).as_posix()
            if file.is_file() and (scratch / path).exists():
                entries[path] = Entry(Owner.TEMPLATE, digest(file.read_bytes()))
    entries[ANSWERS] = Entry(Owner.TEMPLATE, digest(answers.read_bytes()))
    text = Lock(lock.generator, lock.hookspecs, entries).render()
    (scratch / LOCKFILE).write_bytes(text.encode())


def _generate(scratch: Path) -> bool:
    try:
        due = drift(scratch)
    except PreconditionError as error:
        if error.code != "settings-invalid":
            raise
        return False  # pyproject.toml has a conflict in it
    refuse_edits(due)
    apply(scratch, due)
    return True
