"""The only writer: all of a change reaches the disk, or none of it.

Every new text is first written beside its target and flushed; then names are swapped, with the old
file kept under a second name until the last swap is done. Whatever goes wrong before that, a full
disk, a missing right or ^C, puts the tree back as it was, old modification times included.
"""

import os
import secrets
import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from scaffold.project.errors import PreconditionError
from scaffold.project.files import Change, State, place

__all__ = ["apply", "check_vacant", "create"]

WRITTEN = {State.MISSING, State.OUTDATED, State.LINE_ENDINGS, State.STALE}


def apply(root: Path, changes: Iterable[Change]) -> None:
    """Bring the files of a project to what is wanted; unchanged files are not touched.

    Raises `PreconditionError` if a file cannot be written, with the tree as it was.
    """
    due = [(place(root, each.path), each.after) for each in changes if each.state in WRITTEN]
    with _explained(), ExitStack() as undo:
        staged = [(target, _stage(target, after, undo)) for target, after in due]
        kept = [_swap(target, new, undo) for target, new in staged]
        undo.pop_all()
    for old in kept:
        with suppress(OSError):
            old.unlink(missing_ok=True)
    _prune(root, [target.parent for target, after in due if after is None])


def create(folder: Path, files: Mapping[str, str]) -> None:
    """Make a new folder with `files` in it; it appears under its name when it is complete.

    Raises `PreconditionError` if it is there already and not empty, or cannot be written.
    """
    folder = folder.resolve()
    with _explained(), ExitStack() as undo:
        check_vacant(folder)
        _make(folder.parent, undo)
        draft = _beside(folder)
        undo.callback(shutil.rmtree, draft, ignore_errors=True)
        for path, text in files.items():
            target = draft / path
            target.parent.mkdir(parents=True, exist_ok=True)
            _fill(target, text.encode())
        if folder.exists():
            folder.rmdir()
            undo.callback(folder.mkdir)
        draft.rename(folder)
        undo.pop_all()


def check_vacant(folder: Path) -> None:
    """Raise `PreconditionError` if a new folder's name is taken by anything but an empty folder."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        message = f"'{folder}' exists and is not empty"
        raise PreconditionError("not-empty", message, "choose another name or folder")


def _stage(target: Path, content: bytes | None, undo: ExitStack) -> Path | None:
    """Write the new content beside its target."""
    if content is None:
        return None
    _make(target.parent, undo)
    new = _beside(target)
    undo.callback(new.unlink, missing_ok=True)
    _fill(new, content)
    if target.exists():
        shutil.copymode(target, new)
    return new


def _swap(target: Path, new: Path | None, undo: ExitStack) -> Path:
    """Put the new file in the place of the old one, and return where the old one is kept."""
    old = _beside(target)
    if target.exists():
        undo.callback(old.unlink, missing_ok=True)
        _keep(target, old)
        undo.callback(os.replace, old, target)
    else:
        undo.callback(target.unlink, missing_ok=True)
    if new is None:
        target.unlink()
    else:
        new.replace(target)
    return old


def _keep(target: Path, old: Path) -> None:
    try:
        old.hardlink_to(target)
    except OSError:  # a file system without hard links
        shutil.copy2(target, old)


def _make(folder: Path, undo: ExitStack) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        undo.callback(each.rmdir)


def _fill(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _beside(target: Path) -> Path:
    # Short, whatever the target is called: a name beside it must not become too long.
    return target.with_name(f".scaffold-{secrets.token_hex(6)}")


def _prune(root: Path, folders: Iterable[Path]) -> None:
    """Remove the folders that lost their last file."""
    top = root.resolve()
    for folder in folders:
        for each in (folder, *folder.parents):
            if each == top or any(each.iterdir()):
                break
            each.rmdir()


@contextmanager
def _explained() -> Generator[None]:
    try:
        yield
    except OSError as error:
        message = f"cannot write '{error.filename}': {error.strerror}; nothing was changed"
        raise PreconditionError("write-failed", message) from error
