"""Git as we run it: the same on every machine, whatever its owner has set up."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from scaffold.project.errors import PreconditionError

__all__ = ["ISOLATED", "git", "git_or_none"]

ISOLATED = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "scaffold",
    "GIT_AUTHOR_EMAIL": "scaffold@localhost",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "scaffold",
    "GIT_COMMITTER_EMAIL": "scaffold@localhost",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}
"""For repositories of our own, which live as long as a command: no settings, hooks, signatures."""

# Set by git for its hooks; a command that is run from one must not work on that repository.
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


def git(folder: Path, *arguments: str, env: Mapping[str, str] = ISOLATED) -> str:
    """Run git in a folder and return what it prints; raise `PreconditionError` if it fails."""
    ended = _run(folder, arguments, env)
    if ended.returncode:
        message = f"'git {arguments[0]}' failed: {' '.join(ended.stderr.split())}"
        raise PreconditionError("git", message)
    return ended.stdout


def git_or_none(folder: Path, *arguments: str) -> str | None:
    """Run git on a person's repository; return what it prints, or None if it refuses."""
    ended = _run(folder, arguments, {})
    return None if ended.returncode else ended.stdout


def _run(
    folder: Path, arguments: tuple[str, ...], env: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    inherited = {key: value for key, value in os.environ.items() if key not in _INHERITED}
    try:
        return subprocess.run(
            [shutil.which("git") or "git", *arguments],
            cwd=folder,
            env={**inherited, **env},
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError as error:
        message = "there is no 'git' on this machine"
        raise PreconditionError("no-git", message, "install git") from error
