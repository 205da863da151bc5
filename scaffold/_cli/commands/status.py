"""`scaffold status`: how far projects are behind."""

from dataclasses import asdict
from pathlib import Path

from scaffold._cli.reporting.output import print_lines, print_pretty_json
from scaffold._printable import printable_line
from scaffold._project.config.errors import PreconditionError
from scaffold._project.project_status import (
    PROJECT_ERRORS,
    StatusItem,
    failed_item,
    find_projects,
    project_status,
)


def status(folder: Path, *, recursive: bool, hookspecs: Path | None, as_json: bool) -> int:
    """Print the state of each project; return 1 if one needs work.

    Raises `PreconditionError` if there is no project.
    """
    paths = find_projects(folder, recursive=recursive)
    found = {path: _standing(path, hookspecs, alone=not recursive) for path in paths}
    if not found:
        message = f"there is no scaffold project in '{folder}'"
        raise PreconditionError("no-project", message, "create one with 'scaffold new-plugin'")
    if as_json:
        listed = [
            {"path": path.as_posix(), **{name: asdict(fact) for name, fact in facts.items()}}
            for path, facts in found.items()
        ]
        print_pretty_json(listed)
    else:
        for path, facts in found.items():
            _print(path, facts)
    return 1 if any(fact.due for facts in found.values() for fact in facts.values()) else 0


def _standing(path: Path, hookspecs: Path | None, *, alone: bool) -> dict[str, StatusItem]:
    """Look at one project of many: whatever is wrong with it, the others are looked at too."""
    try:
        return project_status(path, hookspecs)
    except PROJECT_ERRORS as error:
        if alone:
            raise
        return {"project": failed_item(error)}


def _print(path: Path, facts: dict[str, StatusItem]) -> None:
    print_lines([printable_line(path.as_posix())])
    for name, fact in facts.items():
        due = f"  ({fact.due})" if fact.due else ""
        print_lines([f"  {name:<9}  {printable_line(fact.found)}{due}"])
