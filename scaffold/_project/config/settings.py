"""`[tool.scaffold]` in `pyproject.toml`: what a folder is to scaffold.

A plugin project names its kind and where its files go; a repository of hookspecs lists targets,
each an emitter and the folder that it fills.
"""

import tomllib
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import Struct, convert

from scaffold._filesystem.path_names import reason_to_refuse
from scaffold._filesystem.project_tree import ProjectTree
from scaffold._project.config.access import explain_os_errors, read_text
from scaffold._project.config.errors import PreconditionError


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


class RepositorySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A repository of hookspecs."""

    hookspecs: str
    targets: tuple[Target, ...]


Settings: TypeAlias = PluginSettings | RepositorySettings


def read_settings(root: Path) -> Settings:
    """Read the settings of a project; raise `PreconditionError` if there are none or bad ones."""
    settings = find_settings(root)
    if settings is None:
        message = f"'{root}' is not a scaffold project: its 'pyproject.toml' has no [tool.scaffold]"
        advice = (
            "create a project with 'scaffold new-plugin', or write the table: see docs/projects.md"
        )
        raise PreconditionError("no-project", message, advice)
    return settings


def find_settings(root: Path) -> Settings | None:
    """Read the settings of a folder that may not be a project."""
    try:
        table = _table(root)
        if table is None:
            return None
        settings: Settings
        if "targets" in table:
            settings = convert(table, RepositorySettings)
        else:
            settings = convert(table, PluginSettings)
    except (ValueError, TypeError, RecursionError) as error:
        raise _invalid(str(error)) from error
    _check_paths(settings)
    return settings


def hookspecs_of(root: Path, settings: Settings) -> Path:
    """Return the folder of a project's hookspecs; links that stay inside are followed.

    Raises `PreconditionError` if it leads out of the project.
    """
    with explain_os_errors(settings.hookspecs), ProjectTree(root) as tree:
        tree.locate(settings.hookspecs)
    return root / settings.hookspecs


def _table(root: Path) -> dict[str, Any] | None:
    try:
        table = tomllib.loads(read_text(root, "pyproject.toml"))["tool"]["scaffold"]
    except (FileNotFoundError, KeyError):
        return None
    return convert(table, dict[str, Any])


def _check_paths(settings: Settings) -> None:
    """Hold every path to the project."""
    paths = {"hookspecs": [settings.hookspecs]}
    if isinstance(settings, PluginSettings):
        paths["package"] = [settings.package]
        if not all(part.isidentifier() for part in settings.package.split("/")):
            raise _invalid(f"package = '{settings.package}' is not the name of a Python package")
    else:
        paths["out"] = [target.out for target in settings.targets]
    for key, values in paths.items():
        for value in values:
            if reason := reason_to_refuse(value):
                message = f"{key} = '{value}' in [tool.scaffold] {reason}"
                raise PreconditionError("outside", message, "name a folder of the project")


def _invalid(reason: str) -> PreconditionError:
    message = f"[tool.scaffold] in 'pyproject.toml': {reason}"
    return PreconditionError("settings-invalid", message, "see docs/projects.md")
