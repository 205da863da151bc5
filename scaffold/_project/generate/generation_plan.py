"""How far a project's generated files are from what its hookspecs say, now or after a change."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scaffold._project.config.access import read_file
from scaffold._project.config.errors import PreconditionError
from scaffold._project.config.settings import Settings, Targets, hookspecs_of, read_settings
from scaffold._project.files.file_changes import Change, State, compare_files, refuse_edits
from scaffold._project.files.lockfile import LOCKFILE, Entry, Lock, Owner, digest, read_lock
from scaffold._project.files.write_journal import refuse_interrupted
from scaffold._project.generate.generation_cache import NO_CACHE, READ_CACHE, Cache, GeneratedFiles
from scaffold._version import __version__


def plan_generation(root: Path, cache: Cache = READ_CACHE) -> tuple[Change, ...]:
    """Compare a project with what it should be: its generated files, then its lockfile.

    Raises `PreconditionError` if it is not a project or in the middle of a change, and `SpecError`
    if its hookspecs are broken.
    """
    refuse_interrupted(root)
    lock = read_lock(root)
    settings = read_settings(root)
    wanted = expected_files(root, settings, cache)
    changes = compare_files(root, wanted.files, lock, Targets.of(settings))
    return *changes, _lockfile(root, lock_for(wanted, lock))


def expected_files(root: Path, settings: Settings, cache: Cache = READ_CACHE) -> GeneratedFiles:
    """Return the generated files that the hookspecs of a project ask for."""
    hookspecs = hookspecs_of(root, settings)
    key = cache.key_of(hookspecs, settings, root)
    known = cache.recall(key)
    if known is not None:
        return known
    # The compiler and the emitters cost more to import than all the rest takes.
    from scaffold._project.generate.generated_files import generated, portable

    own = portable(settings)
    wanted = generated(root, settings, cache if own else NO_CACHE)
    if own:
        cache.keep({key: wanted})
    return wanted


def lock_for(wanted: GeneratedFiles, known: Lock) -> Lock:
    """Return the lock of a project once its generated files are as wanted."""
    entries = {
        path: each for path, each in known.files.items() if each.owner is not Owner.GENERATED
    }
    for path, text in wanted.files.items():
        entries[path] = Entry(Owner.GENERATED, digest(text.encode()))
    return Lock(__version__, wanted.hookspecs, entries)


def _lockfile(root: Path, lock: Lock) -> Change:
    # Nobody edits the lockfile: whatever it says that is not so is out of date.
    after = lock.render().encode()
    try:
        before = read_file(root, LOCKFILE)
    except FileNotFoundError:
        return Change(LOCKFILE, State.MISSING, None, after)
    same = digest(before) == digest(after)
    return Change(LOCKFILE, State.UNCHANGED if same else State.OUTDATED, before, after)


_SETTINGS = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class BindingsPlan:
    """What is to change, and the lock of the project after that."""

    changes: tuple[Change, ...]
    lock: Lock


def plan_bindings(
    root: Path, changed: Mapping[str, bytes | None], lock: Lock
) -> BindingsPlan | None:
    """Generate a project's files as if other files were changed already.

    Args:
        root: The project.
        changed: New contents by path; None is a file that goes.
        lock: What the lockfile says after the change.

    Returns:
        None if the settings cannot be read: they have a conflict in them.

    Raises:
        PreconditionError: `hand-edited` if a generated file was edited.
    """
    with TemporaryDirectory(prefix="scaffold-") as made:
        folder = Path(made)
        settings_text = changed.get(_SETTINGS) or read_file(root, _SETTINGS)
        (folder / _SETTINGS).write_bytes(settings_text)
        try:
            settings = read_settings(folder)
        except PreconditionError as error:
            if error.code != "settings-invalid":
                raise
            return None
        touched = {
            path: text
            for path, text in changed.items()
            if path.startswith(f"{settings.hookspecs}/")
        }
        if touched:
            _copy_hookspecs(root, folder, settings.hookspecs, touched)
        wanted = expected_files(folder if touched else root, settings)
    due = compare_files(root, wanted.files, lock, Targets.of(settings))
    refuse_edits(due)
    return BindingsPlan(due, lock_for(wanted, lock))


def _copy_hookspecs(
    root: Path, folder: Path, hookspecs: str, changed: Mapping[str, bytes | None]
) -> None:
    """Copy the folder of hookspecs, links as links, and change files in the copy."""
    shutil.copytree(root / hookspecs, folder / hookspecs, symlinks=True)
    for path, text in changed.items():
        target = folder / path
        if text is None:
            target.unlink(missing_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
