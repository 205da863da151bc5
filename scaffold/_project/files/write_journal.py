"""What makes a change of many files one change, even if the machine stops half way.

A change is prepared in `.scaffold/`: the new texts under `new/`, the old files kept under `old/`,
and last `journal`, which lists what is about to be swapped. Removing the journal makes the change
final. A journal that is found later is that of a process that was killed in between: what it had
swapped is swapped back. It is signed, since a repository may bring a journal of its own, which
would move files as its author likes.
"""

import stat
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from scaffold._filesystem.folder import Folder
from scaffold._filesystem.project_tree import ProjectTree
from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.journal_record import (
    JOURNAL,
    Change,
    ForeignError,
    Step,
    around,
    read,
    write,
)

_WORK = ".scaffold"
_READABLE = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_RUNNABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
_CACHED = "__pycache__"
"""What Python keeps next to its modules; it keeps no folder alive."""


@dataclass(frozen=True, slots=True)
class FileSwap:
    """One file to change: `after` is its new content, None to remove it."""

    target: Path
    after: bytes | None
    executable: bool | None = None
    """Whether the file is executable; None leaves that as it is."""


def refuse_interrupted(root: Path) -> None:
    """Raise `PreconditionError` if a change of the project was interrupted half way.

    A journal that this user did not write says nothing about the files, and is ignored.
    """
    if not (root / _WORK).is_dir():
        return
    with ProjectTree(root) as tree, suppress(OSError, ForeignError), tree.top.enter(_WORK) as work:
        if read(work, root) is not None:
            message = f"a change of the files in '{root}' was interrupted half way"
            advice = "run 'scaffold generate': it first restores all files of that change"
            raise PreconditionError("interrupted", message, advice)


def prepare(root: Path, swaps: Sequence[FileSwap]) -> None:
    """Write all that is needed next to the project's files, and touch none of them.

    Raises `OSError`, and `PreconditionError` if `.scaffold` is not a folder.
    """
    with ProjectTree(root) as tree, _new_work_folder(tree) as work:
        with work.enter("new") as new, work.enter("old") as old:
            steps = [
                _prepared(tree, swap, (new, old), str(number)) for number, swap in enumerate(swaps)
            ]
        write(
            work, Change(tuple(steps), _new_folders(tree, steps), _folder_modes(tree, steps)), root
        )


def commit(root: Path, swaps: Sequence[FileSwap]) -> None:
    """Change the files as prepared, and make it final; folders that lose their last file go too."""
    with ProjectTree(root) as tree:
        with tree.top.enter(_WORK) as work, work.enter("new") as new:
            lost: set[str] = set()
            for number, swap in enumerate(swaps):
                parent, _, name = _relative(tree, swap.target).rpartition("/")
                if swap.after is None:
                    tree.folder(parent).unlink(name)
                    lost.add(parent)
                else:
                    new.move(str(number), tree.make(parent), name)
            _remove_empty_folders(tree, lost)
            work.unlink(JOURNAL)
        tree.top.sweep(_WORK)


def roll_back(root: Path) -> bool:
    """Put back what an unfinished change has swapped; tell whether there was one.

    May itself be killed and run again. Raises `PreconditionError` for a journal that this user did
    not write, with nothing changed.
    """
    try:
        with ProjectTree(root) as tree:
            if not _has_work_folder(tree):
                return False
            with tree.top.enter(_WORK) as work:
                change = read(work, root)
                if change is not None:
                    _restore_all(tree, work, change)
            tree.top.sweep(_WORK)
    except ForeignError:
        raise _foreign(root) from None
    except OSError as error:
        message = f"writing to '{root}' failed, and '{error.filename}' could not be restored"
        help_ = f"{error.strerror}: fix the cause, then run 'scaffold generate' to restore it"
        raise PreconditionError("interrupted", message, help_) from error
    return change is not None


def _foreign(root: Path) -> PreconditionError:
    message = f"'{root / _WORK / JOURNAL}' was not written by this user on this machine"
    advice = (
        f"nothing was done. It came with the files, or its key is gone: bring back what you miss "
        f"with 'git status' and 'git restore', delete the folder '{_WORK}', and run this again"
    )
    return PreconditionError("foreign-journal", message, advice)


def _has_work_folder(tree: ProjectTree) -> bool:
    state = tree.top.state(_WORK)
    if state is not None and not stat.S_ISDIR(state.st_mode):
        message = f"'{tree.root / _WORK}' is not a folder"
        raise PreconditionError("in-the-way", message, "remove it: scaffold prepares changes there")
    return state is not None


@contextmanager
def _new_work_folder(tree: ProjectTree) -> Generator[Folder]:
    if _has_work_folder(tree):
        tree.top.sweep(_WORK)
    tree.top.make(_WORK)
    with tree.top.enter(_WORK) as work:
        work.make("new")
        work.make("old")
        work.create(".gitignore", b"*\n")
        yield work


def _prepared(
    tree: ProjectTree, swap: FileSwap, places: tuple[Folder, Folder], number: str
) -> Step:
    """Keep the old file, and write the new one with its rights."""
    new, old = places
    path = _relative(tree, swap.target)
    parent, _, name = path.rpartition("/")
    try:
        folder = tree.folder(parent)
        state = folder.state(name)
    except FileNotFoundError:
        state = None
    else:
        if state is not None:
            _back_up(folder, name, old, number)
    before = None if state is None else sha256(old.read(number)).hexdigest()
    if swap.after is not None:
        new.create(number, swap.after)
        state = state or new.state(number)
        if state is not None:
            new.chmod(number, _rights(stat.S_IMODE(state.st_mode), executable=swap.executable))
    return Step(path, before, swap.after is not None)


def _rights(mode: int, *, executable: bool | None) -> int:
    """Let all that may read a file run it, or none; or leave its rights as they are."""
    if executable is None:
        return mode
    return mode | (mode & _READABLE) >> 2 if executable else mode & ~_RUNNABLE


def _new_folders(tree: ProjectTree, steps: Iterable[Step]) -> tuple[str, ...]:
    missing = {
        folder
        for step in steps
        for folder in around(step.path)
        if step.written and not _is_there(tree, folder)
    }
    return tuple(sorted(missing, reverse=True))


def _folder_modes(tree: ProjectTree, steps: Iterable[Step]) -> dict[str, int]:
    return {
        folder: stat.S_IMODE(tree.folder(folder).own_state().st_mode)
        for step in steps
        for folder in around(step.path)
        if not step.written
    }


def _is_there(tree: ProjectTree, folder: str) -> bool:
    try:
        tree.folder(folder)
    except FileNotFoundError:
        return False
    return True


def _relative(tree: ProjectTree, target: Path) -> str:
    base = tree.real if target.is_relative_to(tree.real) else tree.root
    return target.relative_to(base).as_posix()


def _restore_all(tree: ProjectTree, work: Folder, change: Change) -> None:
    with work.enter("old") as old, work.enter("new") as new:
        due = [
            (step, str(number))
            for number, step in enumerate(change.steps)
            if _was_swapped(tree, step, new, str(number))
        ]
        for step, number in due:
            if old.state(number) and sha256(old.read(number)).hexdigest() != step.before:
                raise ForeignError
        for step, number in due:
            _restore(tree, step, old, number, change.modes)
    for path in change.made:
        parent, _, name = path.rpartition("/")
        # Something else may have put files there since: a folder that is not empty stays.
        with suppress(OSError):
            tree.folder(parent).remove(name)
    work.unlink(JOURNAL)


def _was_swapped(tree: ProjectTree, step: Step, new: Folder, number: str) -> bool:
    """Tell whether a step was done: what still lies under `new`, or at its place, was not."""
    if step.written:
        return new.state(number) is None
    parent, _, name = step.path.rpartition("/")
    try:
        return tree.folder(parent).state(name) is None
    except FileNotFoundError:
        return True


def _restore(
    tree: ProjectTree, step: Step, old: Folder, number: str, modes: dict[str, int]
) -> None:
    parent, _, name = step.path.rpartition("/")
    if step.before is None:
        with suppress(FileNotFoundError):
            tree.folder(parent).unlink(name)
    elif old.state(number):
        old.move(number, tree.make(parent, modes), name)


def _back_up(folder: Folder, name: str, old: Folder, number: str) -> None:
    state = folder.state(name)
    try:
        folder.link(name, old, number)
    except OSError:  # a file system without hard links
        old.create(number, folder.read(name))
        if state is not None:
            old.chmod(number, stat.S_IMODE(state.st_mode))
            old.date(number, state)


def _remove_empty_folders(tree: ProjectTree, folders: Iterable[str]) -> None:
    """Remove the folders that lost their last file, and what Python has cached of it."""
    for folder in folders:
        with suppress(OSError):  # one that is not empty ends it
            for path in around(f"{folder}/"):
                inner = tree.folder(path)
                if set(inner.names()) == {_CACHED}:
                    inner.sweep(_CACHED)
                parent, _, name = path.rpartition("/")
                tree.folder(parent).remove(name)
