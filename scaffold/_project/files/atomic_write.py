"""The only writer: all of a change reaches the disk, or none of it.

Whatever goes wrong, a full disk, a missing right or ^C, the tree is put back as it was, old
modification times included; after a kill the next writer does that (see `write_journal.py`).
"""

import os
import secrets
import shutil
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.file_changes import Change, State, resolve_path
from scaffold._project.files.write_journal import (
    FileSwap,
    commit,
    prepare,
    roll_back,
)

WRITTEN = {State.MISSING, State.OUTDATED, State.LINE_ENDINGS, State.STALE}


@contextmanager
def locked_project(root: Path) -> Generator[bool]:
    """Wait until no other process writes the project, and undo what a killed one left half done.

    Yields whether there was something to undo. A second entry by the same process would wait for
    itself. Raises `PreconditionError` if there is no such folder, or if it has a journal that this
    user did not write.
    """
    if not root.is_dir():
        raise PreconditionError("no-project", f"there is no folder '{root}'")
    with _folder_lock(root):
        yield roll_back(root)


def apply_changes(root: Path, changes: Iterable[Change]) -> None:
    """Bring the files of a project to what is wanted; unchanged files are not touched.

    Raises `PreconditionError` if a file cannot be written, with the tree as it was.
    """
    swaps = [
        FileSwap(resolve_path(root, each.path), each.after, each.executable)
        for each in changes
        if each.state in WRITTEN
    ]
    if not swaps:
        return
    with _explained():
        try:
            prepare(root, swaps)
            commit(root, swaps)
        except BaseException:
            roll_back(root)
            raise


def create_project(folder: Path, files: Mapping[str, str]) -> None:
    """Make a new folder with `files` in it; it appears under its name when it is complete.

    Raises `PreconditionError` if it is there already and not empty, or cannot be written.
    """
    folder = folder.resolve()
    with _explained(), ExitStack() as back:
        check_vacant(folder)
        _make(folder.parent, back)
        draft = _beside(folder)
        back.callback(shutil.rmtree, draft, ignore_errors=True)
        for path, text in files.items():
            target = draft / path
            target.parent.mkdir(parents=True, exist_ok=True)
            write_durably(target, text.encode())
        if folder.exists():
            folder.rmdir()
            back.callback(folder.mkdir)
        draft.rename(folder)
        back.pop_all()


def check_vacant(folder: Path) -> None:
    """Raise `PreconditionError` if a new folder's name is taken by anything but an empty folder."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        message = f"'{folder}' exists and is not empty"
        raise PreconditionError("not-empty", message, "choose another name or folder")


def write_durably(path: Path, content: bytes) -> None:
    """Write a new file, down to the disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _make(folder: Path, back: ExitStack) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        back.callback(each.rmdir)


def _beside(target: Path) -> Path:
    # Short, whatever the target is called: the draft's name must not become too long.
    return target.with_name(f".scaffold-{secrets.token_hex(6)}")


@contextmanager
def _explained() -> Generator[None]:
    try:
        yield
    except OSError as error:
        message = f"cannot write '{error.filename}': {error.strerror}; nothing was changed"
        raise PreconditionError("write-failed", message) from error


if sys.platform == "win32":

    @contextmanager
    def _folder_lock(_root: Path) -> Generator[None]:
        # A folder cannot be locked there; two writers at once are not kept apart.
        yield

else:
    import fcntl

    @contextmanager
    def _folder_lock(root: Path) -> Generator[None]:
        # The lock is on the folder itself: no file is left behind, and a killed process lets go.
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)
