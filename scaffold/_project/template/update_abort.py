"""Taking an update back: what its files held before is kept in git's own folder until the next."""

from collections.abc import Iterable

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import decode, encode

from scaffold._filesystem.project_tree import ProjectTree
from scaffold._filesystem.reading import read_small_file
from scaffold._project.config.access import explain_os_errors
from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.file_changes import Change, State
from scaffold._project.files.write_journal import write_durably
from scaffold._project.git.repository import Repository

_LARGEST = 256 * 2**20


class _Record(Struct, frozen=True):
    head: str
    """The commit that was checked out."""
    files: dict[str, str | None]
    """What was in the files, byte by byte as Latin-1; None where there was none."""
    conflicts: list[str]
    executable: dict[str, bool] = {}
    """Whether files were programs, where the update changed that."""


def save_record(
    repository: Repository, changes: Iterable[Change], conflicts: Iterable[str]
) -> None:
    """Keep what is about to be changed."""
    changes = list(changes)
    record = repository.record()
    files = {
        each.path: None if each.before is None else each.before.decode("latin-1")
        for each in changes
    }
    modes = {each.path: not each.executable for each in changes if each.executable is not None}
    text = encode(_Record(repository.head, files, [*conflicts], modes))
    draft = record.with_name(f"{record.name}.new")
    draft.unlink(missing_ok=True)
    write_durably(draft, text)
    draft.replace(record)


def delete_record(repository: Repository) -> None:
    """Drop what is kept."""
    repository.record().unlink(missing_ok=True)


def recorded_changes(repository: Repository) -> tuple[Change, ...]:
    """Return the changes that bring everything back.

    Raises `PreconditionError` if no update was made since the last commit.
    """
    record = _read(repository)
    if record is None:
        message = f"there is no update to undo in '{repository.project}'"
        advice = "if it is committed, undo it with 'git revert'"
        raise PreconditionError("no-update", message, advice)
    with ProjectTree(repository.project) as tree:
        return tuple(
            _back(tree, path, text, executable=record.executable.get(path))
            for path, text in sorted(record.files.items())
        )


def unresolved_conflicts(repository: Repository) -> list[str]:
    """Return the files in which an update left conflicts, if it is not committed yet."""
    record = _read(repository)
    return record.conflicts if record is not None else []


def _read(repository: Repository) -> _Record | None:
    path = repository.record()
    try:
        record = decode(read_small_file(path, limit=_LARGEST), type=_Record)
    except FileNotFoundError:
        return None
    except (OSError, DecodeError, ValidationError, RecursionError) as error:
        message = f"'{path}' cannot be read: {error}"
        advice = "remove it: the update that it belongs to can no longer be undone"
        raise PreconditionError("no-update", message, advice) from error
    return record if record.head == repository.head else None


def _back(tree: ProjectTree, path: str, text: str | None, *, executable: bool | None) -> Change:
    try:
        with explain_os_errors(path):
            now = tree.read(path)
    except FileNotFoundError:
        now = None
    try:
        then = None if text is None else text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise PreconditionError("no-update", f"what '{path}' held cannot be read") from error
    if now == then and executable is None:
        return Change(path, State.UNCHANGED, now, then)
    if then is None:
        return Change(path, State.STALE, now, then)
    return Change(path, State.MISSING if now is None else State.OUTDATED, now, then, executable)
