"""The only writer: all of a change reaches the disk, or none of it.

Whatever goes wrong, a full disk, a missing right or ^C, the tree is put back as it was, old
modification times included; after a kill the next writer does that (see `journal`).
"""

import secrets
import shutil
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
    write_durably,
)

WRITTEN = {State.MISSING, State.OUTDATED, State.LINE_ENDINGS, State.STALE}


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
