"""The generated files of a project as they are to be after a change of other files."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scaffold._project.config.access import read_file
from scaffold._project.config.errors import PreconditionError
from scaffold._project.config.settings import read_settings
from scaffold._project.config.targets import Targets
from scaffold._project.files.file_changes import Change, compare_files, refuse_edits
from scaffold._project.files.lockfile import Lock
from scaffold._project.generate.generation_plan import expected_files, lock_for

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
