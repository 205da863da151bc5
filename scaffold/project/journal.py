"""What makes a change of many files one change, even if the machine stops half way.

A change is prepared in `.scaffold/`: the new texts under `new/`, the old files kept under `old/`,
and last `journal`, which lists what is about to be swapped. Removing the journal makes the change
final. A journal that is found later is that of a process that was killed in between: what it had
swapped is swapped back.
"""

import json
import os
import shutil
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scaffold.project.errors import PreconditionError

__all__ = ["Swap", "alone", "fill", "make", "prepare", "refuse_interrupted", "undo"]


@dataclass(frozen=True, slots=True)
class Swap:
    """One file to change: `after` is its new content, None to remove it."""

    target: Path
    after: bytes | None


@contextmanager
def alone(root: Path) -> Generator[bool]:
    """Wait until no other process writes the project, and undo what a killed one left half done.

    Yields whether there was something to undo. A second entry by the same process would wait for
    itself. Raises `PreconditionError` if there is no such folder.
    """
    if not root.is_dir():
        raise PreconditionError("no-project", f"there is no folder '{root}'")
    with _held(root):
        yield undo(root)


def refuse_interrupted(root: Path) -> None:
    """Raise `PreconditionError` if a change of the project was interrupted half way."""
    if _journal(root).exists():
        message = f"a change of the files in '{root}' was interrupted half way"
        mend = "run 'scaffold generate': it first puts everything back as it was"
        raise PreconditionError("interrupted", message, mend)


def prepare(root: Path, swaps: Sequence[Swap]) -> None:
    """Write all that is needed beside the project's files, and touch none of them."""
    work = _work(root)
    shutil.rmtree(work, ignore_errors=True)
    for folder in (work, work / "new", work / "old"):
        folder.mkdir()
    (work / ".gitignore").write_text("*\n", "utf-8")
    for number, swap in enumerate(swaps):
        existed = swap.target.exists()
        if existed:
            _keep(swap.target, work / "old" / str(number))
        if swap.after is not None:
            new = work / "new" / str(number)
            fill(new, swap.after)
            if existed:
                shutil.copymode(swap.target, new)
    fill(_journal(root), json.dumps(_listed(root.resolve(), swaps)).encode())


def make(root: Path, swaps: Sequence[Swap]) -> None:
    """Change the files as prepared, and make it final."""
    for number, swap in enumerate(swaps):
        if swap.after is None:
            swap.target.unlink()
        else:
            swap.target.parent.mkdir(parents=True, exist_ok=True)
            (_work(root) / "new" / str(number)).replace(swap.target)
    _journal(root).unlink()
    shutil.rmtree(_work(root), ignore_errors=True)


def undo(root: Path) -> bool:
    """Put back what an unfinished change has swapped; tell whether there was one.

    May itself be killed and run again.
    """
    work = _work(root)
    try:
        listed = json.loads(_journal(root).read_bytes())
    except (OSError, ValueError):
        # A journal that is cut off was never acted upon.
        listed = None
    if listed is not None:
        for number, (path, existed) in enumerate(listed["targets"]):
            _put_back(root / path, work / "old" / str(number), existed=existed)
        for path in listed["folders"]:
            if (root / path).is_dir():
                (root / path).rmdir()
        _journal(root).unlink()
    if work.exists():
        shutil.rmtree(work, ignore_errors=True)
    return listed is not None


def fill(path: Path, content: bytes) -> None:
    """Write a new file, down to the disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _work(root: Path) -> Path:
    return root / ".scaffold"


def _journal(root: Path) -> Path:
    return _work(root) / "journal"


def _listed(root: Path, swaps: Sequence[Swap]) -> dict[str, object]:
    missing = {
        folder.relative_to(root).as_posix()
        for swap in swaps
        for folder in swap.target.parents
        if swap.after is not None and not folder.exists()
    }
    return {
        "targets": [
            (swap.target.relative_to(root).as_posix(), swap.target.exists()) for swap in swaps
        ],
        # The inner ones first, as they have to be removed.
        "folders": sorted(missing, reverse=True),
    }


def _put_back(target: Path, old: Path, *, existed: bool) -> None:
    if not existed:
        target.unlink(missing_ok=True)
    elif old.exists():
        target.unlink(missing_ok=True)
        old.rename(target)


def _keep(target: Path, old: Path) -> None:
    try:
        old.hardlink_to(target)
    except OSError:  # a file system without hard links
        shutil.copy2(target, old)


if sys.platform == "win32":

    @contextmanager
    def _held(_root: Path) -> Generator[None]:
        # A folder cannot be locked there; two writers at once are not kept apart.
        yield

else:
    import fcntl

    @contextmanager
    def _held(root: Path) -> Generator[None]:
        # The lock is on the folder itself: no file is left behind, and a killed process lets go.
        folder = os.open(root, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)
