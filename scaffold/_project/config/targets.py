"""Which files of a project are generated: the folders that settings name, and names in them."""

import re
from dataclasses import dataclass
from typing import Self

from scaffold._filesystem.project_tree import ProjectTree
from scaffold._project.config.settings import PluginSettings, Settings

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
