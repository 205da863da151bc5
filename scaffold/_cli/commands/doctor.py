"""`scaffold doctor`: the versions of everything, and what is missing."""

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from scaffold._cli.reporting.output import print_lines

__all__ = ["doctor"]

DISTRIBUTION = "hookspec-scaffold"
_TOOLS = {"git": "install git: updates of a project's template need it"}


@dataclass(frozen=True, slots=True)
class _Part:
    """Something that scaffold stands on; `mend` is empty if it is there and fits."""

    name: str
    found: str
    mend: str = ""


def doctor() -> int:
    """Print a line for every part; return 4 if one is missing or does not fit."""
    parts = [*_interpreter(), *_packages(), *_tools()]
    width = max(len(part.name) for part in parts)
    for part in parts:
        print_lines([f"{part.name:<{width}}  {part.found}"])
        if part.mend:
            print_lines([f"  help: {part.mend}"])
    return 4 if any(part.mend for part in parts) else 0


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
        mend = f"python -m pip install --upgrade '{wanted}'"
        try:
            found = version(need.name)
        except PackageNotFoundError:
            yield _Part(need.name, f"missing, needs {need.specifier}", mend)
            continue
        if need.specifier.contains(found, prereleases=True):
            yield _Part(need.name, found)
        else:
            yield _Part(need.name, f"{found}, needs {need.specifier}", mend)


def _tools() -> Iterator[_Part]:
    for tool, mend in _TOOLS.items():
        place = shutil.which(tool)
        yield _Part(tool, place) if place else _Part(tool, "missing", mend)
