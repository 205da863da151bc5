"""`[tool.scaffold]` in `pyproject.toml`: what a folder is to scaffold.

A plugin project names its kind and where its files go; a repository of hookspecs lists targets,
each an emitter and the folder that it fills.
"""

import tomllib
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import Struct, convert

from scaffold.project.errors import PreconditionError

__all__ = ["PluginSettings", "Settings", "SpecSettings", "Target", "find_settings", "read_settings"]


class PluginSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A plugin and everything generated for it."""

    kind: str
    hookspecs: str
    """The folder of the pinned hookspec. Paths are relative to the project, with `/`."""
    package: str
    language: str


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    """One emitter at work: every kind of the repository, into one folder."""

    emitter: str
    out: str


class SpecSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A repository of hookspecs."""

    hookspecs: str
    targets: tuple[Target, ...]


Settings: TypeAlias = PluginSettings | SpecSettings


def read_settings(root: Path) -> Settings:
    """Read the settings of a project; raise `PreconditionError` if there are none or bad ones."""
    settings = find_settings(root)
    if settings is None:
        message = f"'{root}' is no project of scaffold: no [tool.scaffold] in a 'pyproject.toml'"
        mend = "make a project with 'scaffold new-plugin', or write the table: see docs/projects.md"
        raise PreconditionError("no-project", message, mend)
    return settings


def find_settings(root: Path) -> Settings | None:
    """Read the settings of a folder that may be no project."""
    try:
        table = _table(root / "pyproject.toml")
        if table is None:
            return None
        if "targets" in table:
            return convert(table, SpecSettings)
        return convert(table, PluginSettings)
    except (ValueError, TypeError) as error:
        message = f"[tool.scaffold] in 'pyproject.toml': {error}"
        raise PreconditionError("settings-invalid", message, "see docs/projects.md") from error


def _table(path: Path) -> dict[str, Any] | None:
    try:
        table = tomllib.loads(path.read_text("utf-8"))["tool"]["scaffold"]
    except (FileNotFoundError, KeyError):
        return None
    return convert(table, dict[str, Any])
