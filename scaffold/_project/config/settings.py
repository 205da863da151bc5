"""`[tool.scaffold]` in `pyproject.toml`: how scaffold treats a folder.

A plugin project names its kind and where its files go; a repository of hookspecs lists targets,
each an emitter and the folder that it fills. Both say which files of the project are generated.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

from msgspec import Struct, convert

from scaffold._filesystem.project_tree import ProjectTree, reason_to_refuse
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


CONTRACT_TEST = "tests/test_contract.py"
_OWN = re.compile(r"[a-z][a-z0-9_]*_v[0-9]+(/.+|\.md|\.openrpc\.json)", re.DOTALL)
"""What emitters call their files within a target: all of a kind, by its major version."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The places that generated files may have; a lockfile can claim any other path as well."""

    folders: tuple[str, ...]
    files: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the targets that the settings of a project name."""
        if isinstance(settings, PluginSettings):
            return cls((f"{settings.package}/_generated", "docs"), (CONTRACT_TEST,))
        return cls(tuple(target.out for target in settings.targets))

    def own(self, path: str, tree: ProjectTree) -> bool:
        """Tell whether a file with this path, links resolved, can be a generated one.

        Where the project itself is a target, the name has to be one that emitters give.
        """
        folders = [tree.locate(folder) for folder in self.folders]
        inside = any(folder and path.startswith(f"{folder}/") for folder in folders)
        return inside or path in self.files or ("" in folders and bool(_OWN.fullmatch(path)))
