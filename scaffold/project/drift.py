"""How far a project's generated files are from what its hookspecs say."""

from pathlib import Path

from scaffold import __version__
from scaffold.project.files import Change, State, plan
from scaffold.project.journal import refuse_interrupted
from scaffold.project.lock import LOCKFILE, Entry, Lock, Owner, digest, read_lock
from scaffold.project.memo import Generated, keep, key_of, recall
from scaffold.project.settings import read_settings

__all__ = ["drift", "lock_for"]


def drift(root: Path) -> tuple[Change, ...]:
    """Compare a project with what it should be: its generated files, then its lockfile.

    Raises `PreconditionError` if it is no project or in the middle of a change, and `SpecError` if
    its hookspecs are broken.
    """
    refuse_interrupted(root)
    lock = read_lock(root)
    wanted = _wanted(root)
    return *plan(root, wanted.files, lock), _lockfile(root, lock_for(wanted, lock))


def _wanted(root: Path) -> Generated:
    settings = read_settings(root)
    key = key_of(root / settings.hookspecs, settings)
    known = recall(key)
    if known is not None:
        return known
    # The compiler and the emitters cost more to import than all the rest takes.
    from scaffold.project.generated import generated, portable

    wanted = generated(root, settings)
    if portable(settings):
        keep({key: wanted})
    return wanted


def lock_for(wanted: Generated, known: Lock) -> Lock:
    """Return the lock of a project once its generated files are as wanted."""
    entries = {
        path: each for path, each in known.files.items() if each.owner is not Owner.GENERATED
    }
    for path, text in wanted.files.items():
        entries[path] = Entry(Owner.GENERATED, digest(text.encode()))
    return Lock(__version__, wanted.hookspecs, entries)


def _lockfile(root: Path, lock: Lock) -> Change:
    # Nobody edits the lockfile: whatever it says that is not so is out of date.
    path = root / LOCKFILE
    before = path.read_bytes() if path.exists() else None
    after = lock.render().encode()
    if before is None:
        return Change(LOCKFILE, State.MISSING, None, after)
    same = digest(before) == digest(after)
    return Change(LOCKFILE, State.UNCHANGED if same else State.OUTDATED, before, after)
