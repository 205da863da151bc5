"""The state of a project: what it was made with, and what is newer."""

import os
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import convert

from scaffold._project.config.access import read_text
from scaffold._project.config.errors import ProjectError, UsageError
from scaffold._project.config.hookspec_lookup import all_hookspecs, named_hookspec, pinned_hookspec
from scaffold._project.config.settings import PluginSettings, Settings, read_settings
from scaffold._project.files.file_changes import State
from scaffold._project.files.lockfile import read_lock
from scaffold._project.generate.generation_plan import plan_generation
from scaffold._project.template.answers import SHIPPED, read_origin
from scaffold._project.template.sources import is_allowed
from scaffold._project.template.template import bundled_versions
from scaffold._version import __version__
from scaffold.generator import SpecError, compile_kind
from scaffold.generator._compare.compare_kinds import compare
from scaffold.generator._compare.report import Bump, Party
from scaffold.generator.ir import Kind

DISTRIBUTION = "hookspec-scaffold"
_SKIPPED = {"node_modules", "__pycache__", "build", "dist", "site-packages"}
StatusCheck: TypeAlias = Callable[[Path, Settings], "StatusItem"]


PROJECT_ERRORS = (
    *(SpecError, ProjectError),
    *(OSError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, MemoryError),
)
"""What one project can raise, by whatever is in its files; the others are reported all the same."""


@dataclass(frozen=True, slots=True)
class StatusItem:
    """One thing about a project; `due` says what to do about it, and is empty if nothing is."""

    found: str
    due: str = ""


def find_projects(folder: Path, *, recursive: bool) -> Iterator[Path]:
    """Yield a project, or all those in a folder and below it, sorted."""
    if not recursive:
        yield folder
        return
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in _SKIPPED and not name.startswith(".")
        )
        if "pyproject.toml" in names and _is_project(Path(place)):
            yield Path(place)


def project_status(root: Path, hookspecs: Path | None = None) -> dict[str, StatusItem]:
    """Return the state of a project; what cannot be found out is due as well.

    Its contract is compared with the newest in a folder of `hookspecs`, or with the one that ships.
    Raises `PreconditionError` if it is not a project.
    """
    settings = read_settings(root)
    looks: dict[str, StatusCheck] = {"contract": _contract}
    if isinstance(settings, PluginSettings):
        looks |= {
            "exposure": partial(_exposure, hookspecs),
            "template": _template,
            "runtime": _runtime,
        }
    looks |= {"generator": _generator, "generated": _generated}
    return {name: _looked(look, root, settings) for name, look in looks.items()}


def _looked(look: StatusCheck, root: Path, settings: Settings) -> StatusItem:
    try:
        return look(root, settings)
    except PROJECT_ERRORS as error:
        return failed_item(error)


def failed_item(error: Exception) -> StatusItem:
    """Return what to say of a part of a project that cannot be looked at."""
    if isinstance(error, SpecError):
        return StatusItem("unknown", str(error.diagnostics[0]))
    if isinstance(error, ProjectError):
        return StatusItem("unknown", f"{error.code}: {error.message}")
    return StatusItem("unknown", f"{type(error).__name__}: {' '.join(str(error).split())}")


def _is_project(folder: Path) -> bool:
    try:
        read_settings(folder)
    except ProjectError as error:
        return error.code != "no-project"
    except PROJECT_ERRORS:
        return True
    return True


def _contract(root: Path, settings: Settings) -> StatusItem:
    if isinstance(settings, PluginSettings):
        paths = [pinned_hookspec(root, settings)]
    else:
        paths = all_hookspecs(root, settings)
    kinds = [compile_kind(path) for path in paths]
    return StatusItem(", ".join(f"{kind.name} {kind.version}" for kind in kinds))


def _exposure(hookspecs: Path | None, root: Path, settings: Settings) -> StatusItem:
    """Judge what the newest contract would mean for this plugin and those around it."""
    assert isinstance(settings, PluginSettings)
    old = compile_kind(pinned_hookspec(root, settings))
    try:
        new = _shipped(old.name) if hookspecs is None else _named(old.name, hookspecs)
    except UsageError:
        return StatusItem("no other contract is known")
    if new.digest == old.digest:
        return StatusItem("the newest contract that is known")
    report = compare(old, new)
    if report.actual_bump is Bump.NONE:
        return StatusItem(f"{new.version} is known, and is not newer")
    verdicts = ", ".join(f"{report.verdict(party)} for {party}" for party in Party)
    return StatusItem(f"{new.version} is {verdicts}", "see 'scaffold diff'")


def _named(name: str, hookspecs: Path) -> Kind:
    return compile_kind(named_hookspec(name, hookspecs))


@cache
def _shipped(name: str) -> Kind:
    """Compile a kind that ships: once, whatever the number of projects is."""
    return compile_kind(named_hookspec(name))


def _template(root: Path, _settings: Settings) -> StatusItem:
    origin = read_origin(root)
    found = f"{origin.source} {origin.version}"
    if not origin.source.startswith(SHIPPED):
        known = is_allowed(origin.source)
        return StatusItem(found if known else f"{found} (not fetched unless you name it)")
    versions = list(bundled_versions(origin.source.removeprefix(SHIPPED)))
    if not versions:
        return StatusItem(found, "no template of this name ships: do not trust it by its name")
    behind = versions[-1] != origin.version
    return StatusItem(found, f"there is {versions[-1]}: 'scaffold update'" if behind else "")


def _runtime(root: Path, _settings: Settings) -> StatusItem:
    """Hold what the project says it needs at run time to what is installed here."""
    from packaging.requirements import Requirement

    text = tomllib.loads(read_text(root, "pyproject.toml"))
    needs = convert(
        convert(text.get("project", {}), dict[str, Any]).get("dependencies", []), list[str]
    )
    for line in needs:
        need = Requirement(line)
        if need.name == DISTRIBUTION:
            fits = need.specifier.contains(__version__, prereleases=True)
            return StatusItem(line, "" if fits else f"{__version__} is installed here")
    return StatusItem(
        "not among the dependencies", f"'pyproject.toml' does not ask for {DISTRIBUTION}"
    )


def _generator(root: Path, _settings: Settings) -> StatusItem:
    wrote = read_lock(root).generator
    due = "" if wrote == __version__ else f"{__version__} is here: 'scaffold generate'"
    return StatusItem(wrote or "none", due)


def _generated(root: Path, _settings: Settings) -> StatusItem:
    plan = plan_generation(root)
    due, total = len(plan.due), len(plan.changes)
    edited = sum(change.state is State.EDITED for change in plan.due)
    found = f"{total - due} of {total} files as they should be"
    words = f", {edited} of them edited by hand" if edited else ""
    return StatusItem(found, f"{due} to write{words}: 'scaffold generate'" if due else "")
