"""`scaffold status`: how far projects are behind."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from scaffold.project.errors import PreconditionError
from scaffold.project.standing import Fact, find_projects, standing

__all__ = ["status"]


def status(folder: Path, *, recursive: bool, hookspecs: Path | None, as_json: bool) -> int:
    """Print how each project stands; return 1 if anything is to be done.

    Raises `PreconditionError` if there is no project.
    """
    paths = find_projects(folder, recursive=recursive)
    found = {path: standing(path, hookspecs) for path in paths}
    if not found:
        message = f"there is no project of scaffold in '{folder}'"
        raise PreconditionError("no-project", message, "make one with 'scaffold new-plugin'")
    if as_json:
        listed = [
            {"path": path.as_posix(), **{name: asdict(fact) for name, fact in facts.items()}}
            for path, facts in found.items()
        ]
        sys.stdout.write(f"{json.dumps(listed, indent=2, ensure_ascii=False)}\n")
    else:
        for path, facts in found.items():
            _print(path, facts)
    return 1 if any(fact.due for facts in found.values() for fact in facts.values()) else 0


def _print(path: Path, facts: dict[str, Fact]) -> None:
    sys.stdout.write(f"{path.as_posix()}\n")
    for name, fact in facts.items():
        due = f"  ({fact.due})" if fact.due else ""
        sys.stdout.write(f"  {name:<9}  {fact.found}{due}\n")
