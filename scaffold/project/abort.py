"""Taking an update back: what its files held before is kept in git's own folder until the next."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scaffold.project.errors import PreconditionError
from scaffold.project.files import Change, State
from scaffold.project.journal import fill
from scaffold.project.repository import Repository

__all__ = ["forget", "remember", "remembered", "waits"]


def remember(repository: Repository, changes: Iterable[Change], conflicts: Iterable[str]) -> None:
    """Keep what is about to be changed."""
    record = repository.record()
    files = {each.path: each.before and each.before.decode("latin-1") for each in changes}
    text = json.dumps({"head": repository.head, "files": files, "conflicts": [*conflicts]})
    draft = record.with_name(f"{record.name}.new")
    draft.unlink(missing_ok=True)
    fill(draft, text.encode())
    draft.replace(record)


def forget(repository: Repository) -> None:
    """Drop what is kept."""
    repository.record().unlink(missing_ok=True)


def remembered(repository: Repository) -> tuple[Change, ...]:
    """Return the changes that bring everything back.

    Raises `PreconditionError` if no update was made since the last commit.
    """
    record = _read(repository)
    if record is None:
        message = f"there is no update to take back in '{repository.project}'"
        mend = "once it is committed, take it back with 'git revert'"
        raise PreconditionError("no-update", message, mend)
    return tuple(
        _back(repository.project, path, text) for path, text in sorted(record["files"].items())
    )


def waits(repository: Repository) -> list[str]:
    """Return the files in which an update left conflicts, if it is not committed yet."""
    record = _read(repository)
    return record["conflicts"] if record is not None else []


def _read(repository: Repository) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(repository.record().read_bytes())
    except FileNotFoundError:
        return None
    return record if record["head"] == repository.head else None


def _back(root: Path, path: str, text: str | None) -> Change:
    now = (root / path).read_bytes() if (root / path).is_file() else None
    then = None if text is None else text.encode("latin-1")
    if now == then:
        return Change(path, State.UNCHANGED, now, then)
    if then is None:
        return Change(path, State.STALE, now, then)
    return Change(path, State.MISSING if now is None else State.OUTDATED, now, then)
