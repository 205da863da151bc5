"""The history of a template, as copier wants it: a git repository with a tag for every version.

Versions ship as plain folders, so that each can be read and reviewed; the repository is made of
them when an update needs it, always the same commits, and lives as long as the update.
"""

from collections.abc import Mapping
from pathlib import Path

from scaffold.project.git import ISOLATED, git

__all__ = ["write_history"]


def write_history(repository: Path, versions: Mapping[str, Path]) -> None:
    """Make a bare repository of a template's folders, oldest first, each with its tag."""
    repository.mkdir()
    git(repository, "init", "--quiet", "--bare", "--initial-branch", "main", ".")
    for version, folder in versions.items():
        env = {**ISOLATED, "GIT_DIR": str(repository), "GIT_WORK_TREE": str(folder)}
        git(folder, "add", "--all", "--force", ".", env=env)
        git(folder, "commit", "--quiet", "--allow-empty", "--message", version, env=env)
        git(folder, "tag", version, env=env)
