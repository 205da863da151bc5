"""Taking an update back: git's own folder keeps what its files held, until the next update.

The record is signed, as journals are: an unpacked archive may bring a folder of git with a record
of its own, by which its author would write and remove files of the project.
"""

from collections.abc import Iterable
from contextlib import suppress

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import decode, encode

from scaffold._filesystem.project_tree import ProjectTree
from scaffold._filesystem.reading import read_small_file
from scaffold._project.config.access import explain_os_errors
from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.atomic_write import write_durably
from scaffold._project.files.file_changes import Change, State
from scaffold._project.files.journal_record import ForeignError, is_signed, sign
from scaffold._project.git.repository import Repository

_LARGEST = 256 * 2**20
_PURPOSE = "update\0"
"""Keeps the signature of a record from being one of a journal."""


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
    text = encode(_Record(repository.head, files, [*conflicts], modes)).decode()
    signature = sign(f"{_PURPOSE}{text}", repository.project)
    draft = record.with_name(f"{record.name}.new")
    draft.unlink(missing_ok=True)
    write_durably(draft, f"{signature}\n{text}".encode())
    draft.replace(record)


def delete_record(repository: Repository) -> None:
    """Drop what is kept."""
    repository.record().unlink(missing_ok=True)


def recorded_changes(repository: Repository) -> tuple[Change, ...]:
    """Return the changes that bring everything back.

    Raises `PreconditionError` if no update was made since the last commit, or if this user did not
    write the record.
    """
    try:
        record = _read(repository)
    except ForeignError:
        message = f"'{repository.record()}' was not written by this user on this machine"
        advice = "nothing was done. Delete it, and take the update back with 'git restore'"
        raise PreconditionError("no-update", message, advice) from None
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
    """Return the files in which an update left conflicts, if it is not committed yet.

    A record that this user did not write says nothing.
    """
    with suppress(ForeignError):
        record = _read(repository)
        return record.conflicts if record is not None else []
    return []


def _read(repository: Repository) -> _Record | None:
    """Read the record; raise `ForeignError` if this user did not write it."""
    path = repository.record()
    try:
        signature, _, text = read_small_file(path, limit=_LARGEST).partition(b"\n")
        if not is_signed(f"{_PURPOSE}{text.decode()}", signature.decode(), repository.project):
            raise ForeignError
        record = decode(text, type=_Record)
    except FileNotFoundError:
        return None
    except (OSError, DecodeError, ValidationError, UnicodeDecodeError, RecursionError) as error:
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
