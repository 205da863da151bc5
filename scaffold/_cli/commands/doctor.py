"""`scaffold doctor`: which versions are installed, and what is missing."""

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from scaffold._cli.reporting.output import print_lines

DISTRIBUTION = "hookspec-scaffold"
_TOOLS = {"git": "install git: updates of a project's template need it"}


@dataclass(frozen=True, slots=True)
class _Part:
    """Something that scaffold needs; `help` is empty if it is installed in a version that fits."""

    name: str
    found: str
    help: str = ""


def doctor() -> int:
    """Print a line for every part; return 4 if one is missing or does not fit."""
    parts = [*_interpreter(), *_packages(), *_tools()]
    width = max(len(part.name) for part in parts)
    for part in parts:
        print_lines([f"{part.name:<{width}}  {part.found}"])
        if part.help:
            print_lines([f"  help: {part.help}"])
    return 4 if any(part.help for part in parts) else 0


def _interpreter() -> Iterator[_Part]:
    yield _Part("scaffold", version(DISTRIBUTION))
    yield _Part("python", f"{platform.python_version()} ({sys.executable})")
    yield _Part("platform", platform.platform())


def _packages() -> Iterator[_Part]:
    from packaging.requirements import Requirement

    for line in requires(DISTRIBUTION) or ():
        need = Requirement(line)
        if need.marker and not need.marker.evaluate({"extra": "cli"}):
            continue
        wanted = f"{DISTRIBUTION}[cli]" if need.marker else DISTRIBUTION
        help_ = f"python -m pip install --upgrade '{wanted}'"
        try:
            found = version(need.name)
        except PackageNotFoundError:
            yield _Part(need.name, f"missing, needs {need.specifier}", help_)
            continue
        if need.specifier.contains(found, prereleases=True):
            yield _Part(need.name, found)
        else:
            yield _Part(need.name, f"{found}, needs {need.specifier}", help_)


def _tools() -> Iterator[_Part]:
    for tool, help_ in _TOOLS.items():
        place = shutil.which(tool)
        yield _Part(tool, place) if place else _Part(tool, "missing", help_)
