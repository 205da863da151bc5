"""`scaffold check`: check hookspecs, generated files and the manifest, for CI."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

from scaffold._cli.commands.diff import breaking_problems, compare_states, states_to_compare
from scaffold._cli.commands.lint import has_errors
from scaffold._cli.reporting.output import print_lines
from scaffold._mcp.hook_tools import describe_tools
from scaffold._project.config.errors import PreconditionError
from scaffold._project.config.hookspec_lookup import all_hookspecs, pinned_hookspec
from scaffold._project.config.settings import PluginSettings, Settings, hookspecs_of, read_settings
from scaffold._project.files.file_changes import resolve_path
from scaffold._project.generate.generation_cache import NO_CACHE
from scaffold._project.generate.generation_plan import plan_generation
from scaffold.contract._errors.errors import ManifestInvalid
from scaffold.contract._hooks.hook import Kind
from scaffold.generator import SpecError, compile_kind, contract
from scaffold.generator._lint.lint import lint_kind
from scaffold.generator._schema.samples.sample_values import sample
from scaffold.host._loading.plugin_loader import has_module
from scaffold.manifest._lookup import SOURCES
from scaffold.manifest._model import Manifest, read_manifest

ProjectCheck: TypeAlias = Callable[[Path, Settings], Iterator[str]]
"""Yields what is wrong with one part of a project."""


def check(folder: Path, *, against: str | None = None) -> int:
    """Print a line for every part that is looked at, and under it what is wrong; 1 if anything is.

    With `against`, a git revision, the versions of the hookspecs must say what changed since.
    Raises `PreconditionError` if the folder is not a project.
    """
    settings = read_settings(folder)
    bad = 0
    parts = _parts(settings)
    if against is not None:
        parts["versions"] = partial(_versions, against=against)
    for part, look in parts.items():
        problems = list(look(folder, settings))
        bad += bool(problems)
        print_lines([f"{part:<10}  {'wrong' if problems else 'ok'}"])
        print_lines(f"  {line}" for text in problems for line in text.split("\n"))
    return 1 if bad else 0


def _parts(settings: Settings) -> dict[str, ProjectCheck]:
    parts: dict[str, ProjectCheck] = {"hookspecs": _hookspecs, "generated": _generated}
    if isinstance(settings, PluginSettings):
        parts |= {"manifest": _manifest, "tools": _tools}
    return parts


def _hookspecs(folder: Path, settings: Settings) -> Iterator[str]:
    for path in all_hookspecs(folder, settings):
        yield from (str(finding) for finding in lint_kind(path) if has_errors([finding]))


def _versions(folder: Path, settings: Settings, *, against: str) -> Iterator[str]:
    """Hold `kind_api_version` to what changed since a revision."""
    try:
        found = compare_states(
            *states_to_compare(str(hookspecs_of(folder, settings)), None, against)
        )
    except SpecError as error:
        yield from map(str, error.diagnostics)
        return
    yield from (str(each) for comparison in found for each in breaking_problems(comparison))


def _generated(folder: Path, _settings: Settings) -> Iterator[str]:
    try:
        plan = plan_generation(folder, NO_CACHE)
    except SpecError:
        yield "cannot be compared while the hookspecs are wrong"
        return
    yield from plan.check()
    if plan.due:
        yield "help: run 'scaffold generate', or look first with --diff"


def _manifest(folder: Path, settings: Settings) -> Iterator[str]:
    """Hold the manifest to its own rules, to the pinned hookspec and to the files it names."""
    assert isinstance(settings, PluginSettings)
    try:
        manifest = _own_manifest(folder)
        kind = compile_kind(pinned_hookspec(folder, settings))
    except (ManifestInvalid, PreconditionError) as error:
        yield error.reason if isinstance(error, ManifestInvalid) else error.message
        return
    except SpecError:
        return
    if manifest.kind != kind.name:
        yield f"kind is '{manifest.kind}', and the project's is '{kind.name}'"
    if manifest.kind_api_version not in (kind.version, str(kind.major)):
        says = f"kind_api_version is '{manifest.kind_api_version}'"
        yield f"{says}, and the hookspec's is '{kind.version}'"
    if kind.in_process_only and manifest.runtime != ("in_process",):
        yield f"runtime lists more than 'in_process', and '{kind.name}' runs in process only"
    module = (manifest.entry_point or "").partition(":")[0]
    if module and not has_module(folder, module):
        yield f"entry_point names the module '{module}', which is not in the project"


def _own_manifest(folder: Path) -> Manifest:
    """Read the manifest, if it is a file of the project and not one that a link leads to."""
    for name in SOURCES:
        resolve_path(folder, name)
    return read_manifest(folder)


def _tools(folder: Path, settings: Settings) -> Iterator[str]:
    """Hold the tools that a server of this plugin would list to the official SDK's own types."""
    from mcp_types import Tool
    from pydantic import ValidationError

    assert isinstance(settings, PluginSettings)
    try:
        kind = Kind.from_contract(contract(compile_kind(pinned_hookspec(folder, settings))))
        name = _own_manifest(folder).name
    except (SpecError, ManifestInvalid, PreconditionError):
        return
    catalogues = {
        hook.functions.catalogue: sample(kind.hooks[hook.functions.catalogue].output.schema)
        for hook in kind.hooks.values()
        if hook.functions is not None
    }
    for modern in (True, False):
        for tool in describe_tools(kind, name, catalogues, modern=modern):
            try:
                Tool.model_validate(tool)
            except ValidationError as error:
                yield f"tool '{tool['name']}': {error}"
