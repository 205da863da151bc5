"""How far a project's generated files are from what its hookspecs say, now or after a change.

A plan is shown, or applied. The compiler and the emitters cost more to import than all the rest
takes, so they are imported where something has to be generated (`generated_files.py`).
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

from scaffold._printable import printable_line
from scaffold._project.config.access import read_file
from scaffold._project.config.errors import PreconditionError
from scaffold._project.config.settings import (
    PluginSettings,
    Settings,
    Targets,
    hookspecs_of,
    read_settings,
)
from scaffold._project.files import file_changes
from scaffold._project.files.atomic_write import apply_changes
from scaffold._project.files.file_changes import (
    Change,
    State,
    compare_files,
    compare_lockfile,
    refuse_edits,
    unified_diff,
)
from scaffold._project.files.lockfile import Lock, read_lock
from scaffold._project.files.write_journal import refuse_interrupted
from scaffold._project.generate.generation_cache import NO_CACHE, READ_CACHE, Cache, GeneratedFiles

if TYPE_CHECKING:
    from scaffold.generator.ir import Kind

_SETTINGS = "pyproject.toml"


@dataclass(frozen=True, eq=False)
class GenerationPlan:
    """What changes in a project, so that its generated files are as they should be."""

    root: Path
    settings: Settings
    changes: tuple[Change, ...]
    """The generated files, sorted by path, the unchanged ones too; last, the lockfile."""
    lock: Lock
    """What the lockfile says after the changes."""
    compiled: "Kind | None" = None
    """The kind of a plugin project, if it had to be compiled."""

    @cached_property
    def due(self) -> tuple[Change, ...]:
        """The files that change."""
        return tuple(each for each in self.changes if each.state is not State.UNCHANGED)

    def check(self) -> Iterator[str]:
        """Yield a line for each file that changes."""
        return (f"{printable_line(each.path)}: {each.state}" for each in self.due)

    def diff(self) -> Iterator[str]:
        """Yield the lines of a unified diff."""
        return unified_diff(self.due)

    def with_edits_aside(self) -> Self:
        """Return the plan that keeps each edited file as a copy, and generates it."""
        return replace(self, changes=tuple(file_changes.set_aside(self.root, self.due)))

    def apply(self) -> None:
        """Make the changes; raise `PreconditionError` if a file was edited by hand."""
        refuse_edits(self.due)
        apply_changes(self.root, self.due)

    def missing_methods(self) -> Change | None:
        """Return the change that adds the methods that the author's class lacks, if it lacks any.

        Raises `SyntaxError` or `ValueError` if its file cannot be added to.
        """
        from scaffold._project.generate.author_notes import add_missing_methods

        if not isinstance(self.settings, PluginSettings):
            return None
        return add_missing_methods(self.root, self.settings, self._kind(self.settings))

    def notes(self) -> Iterator[str]:
        """Yield what the changes leave to the author of a plugin."""
        from scaffold._project.generate.author_notes import author_notes

        if isinstance(self.settings, PluginSettings):
            kind = self._kind(self.settings)
            yield from author_notes(self.root, self.settings, kind, self.due)

    def _kind(self, settings: PluginSettings) -> "Kind":
        from scaffold._project.generate.generated_files import compile_pinned

        return self.compiled or compile_pinned(self.root, settings)


def plan_generation(root: Path, cache: Cache = READ_CACHE) -> GenerationPlan:
    """Compare a project with what it should be: its generated files, then its lockfile.

    Raises `PreconditionError` if it is not a project or in the middle of a change, and `SpecError`
    if its hookspecs are broken.
    """
    refuse_interrupted(root)
    before = read_lock(root)
    settings = read_settings(root)
    wanted, kind = _expected_files(root, settings, cache)
    changes = compare_files(root, wanted.files, before, Targets.of(settings))
    lock = before.regenerated(wanted.files, wanted.hookspecs)
    return GenerationPlan(root, settings, (*changes, compare_lockfile(root, lock)), lock, kind)


def plan_after(
    root: Path, changed: Mapping[str, bytes | None], lock: Lock
) -> GenerationPlan | None:
    """Plan the generated files of a project as if other files were changed already.

    Args:
        root: The project.
        changed: New contents by path; None is a file that goes.
        lock: What the lockfile says after these changes. The plan leaves writing it to the caller.

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
        wanted, kind = _expected_files(folder if touched else root, settings, READ_CACHE)
    changes = compare_files(root, wanted.files, lock, Targets.of(settings))
    refuse_edits(changes)
    after = lock.regenerated(wanted.files, wanted.hookspecs)
    return GenerationPlan(root, settings, changes, after, kind)


def _expected_files(
    root: Path, settings: Settings, cache: Cache
) -> tuple[GeneratedFiles, "Kind | None"]:
    """Return the generated files that the hookspecs ask for, and the kind if it was compiled."""
    hookspecs = hookspecs_of(root, settings)
    key = cache.key_of(hookspecs, settings, root)
    known = cache.recall(key)
    if known is not None:
        return known, None
    from scaffold._project.generate.generated_files import generated, portable

    own = portable(settings)
    wanted, kind = generated(root, settings, cache if own else NO_CACHE)
    if own:
        cache.keep({key: wanted})
    return wanted, kind


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
