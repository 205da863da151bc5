"""A new plugin project: its names, and its files.

Files are from the template, from the emitters, the author's own, and the lockfile.
"""

import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from scaffold._project.config.errors import UsageError
from scaffold._project.config.settings import PluginSettings
from scaffold._project.files.lockfile import LOCKFILE, Lock, Owner, entries_of
from scaffold._project.generate.generated_files import plugin_class, plugin_files
from scaffold._project.generate.generation_cache import GeneratedFiles
from scaffold._project.template.template import newest_bundled, render_new_project
from scaffold.generator._compile.compiler import CompiledKind, compile_with_sources
from scaffold.generator._emit.python.plugin_project import RUNTIMES, manifest, plugin_stub
from scaffold.generator._source.source_text import read_text
from scaffold.generator.ir import Kind

# A distribution's name as the Python packaging specification has it, short enough for the names of
# MCP tools: clients take 64 characters, and a function's name must fit next to it.
_NAME = re.compile(r"[a-z0-9]|[a-z0-9][a-z0-9._-]{0,38}[a-z0-9]", re.IGNORECASE)

RESERVED = frozenset(
    {
        # what a plugin imports: `python -m` puts the project's folder first on the path
        "httptools",
        "jsonschema_rs",
        "mcp",
        "msgspec",
        "packaging",
        "pydantic",
        "pydantic_core",
        "pyreqwest",
        "pytest",
        "scaffold",
        "typing_extensions",
        "uvicorn",
        # the other folders of the project
        "docs",
        "hookspecs",
        "tests",
    }
)


HOOKSPECS = "hookspecs"
"""The folder of a new project that the hookspec is pinned in."""


@dataclass(frozen=True, slots=True)
class NewProject:
    """A new plugin project, in memory."""

    settings: PluginSettings
    generated: GeneratedFiles
    files: dict[str, str]
    """The text of every file by its path: those of the template, of the author, the generated ones,
    and the lockfile."""


def new_project(
    name: str,
    hookspec: Path,
    *,
    runtimes: Sequence[str],
    language: str,
    answers: Mapping[str, str],
    defaults: bool,
    interactive: bool,
) -> NewProject:
    """Return all files of a new plugin project, and touch nothing.

    Raises `UsageError` for a name, a runtime or an answer that cannot be used, and `SpecError` for
    a broken hookspec.
    """
    package = package_name(name)
    compiled = compile_with_sources(hookspec)
    kind = replace(compiled.kind, source=_place(compiled.kind))
    made = plugin_class(kind, package)
    offered = _offered(kind, runtimes)
    settings = PluginSettings(kind.name, HOOKSPECS, package, language)

    template = render_new_project(
        newest_bundled("plugin"),
        facts={
            "name": name,
            "kind": kind.name,
            "package": package,
            "class_name": made,
            "runtimes": offered,
            **contract_facts(kind),
        },
        answers=answers,
        defaults=defaults,
        interactive=interactive,
    )
    generated = plugin_files(kind, settings)
    own = {
        **_pinned(hookspec, compiled),
        "dagstack.toml": manifest(
            kind, plugin=name, package=package, class_name=made, runtimes=offered
        ),
        f"{package}/plugin.py": plugin_stub(kind, package=package, class_name=made),
    }
    known = Lock(files={**entries_of(template, Owner.TEMPLATE), **entries_of(own, Owner.USER)})
    lock = known.regenerated(generated.files, generated.hookspecs)
    files = {**template, **own, **generated.files, LOCKFILE: lock.render()}
    return NewProject(settings, generated, files)


def contract_facts(kind: Kind) -> dict[str, str]:
    """Return what the template says of a kind; it may be another after a change of the hookspec."""
    return {"contract": f"{kind.name}_v{kind.major}", "hook": kind.hooks[-1].name}


def _offered(kind: Kind, asked: Sequence[str]) -> list[str]:
    possible = RUNTIMES[:1] if kind.in_process_only else RUNTIMES
    if impossible := sorted(set(asked) - set(possible)):
        listed = ", ".join(f"'{runtime}'" for runtime in impossible)
        message = f"plugins of kind '{kind.name}' run in process only, not over {listed}"
        raise UsageError("runtime", message, "drop --runtime, or ask for 'in_process'")
    return [runtime for runtime in possible if runtime in (asked or possible)]


def _place(kind: Kind) -> str:
    """Return where a hookspec is pinned, relative to the folder of the project's hookspecs."""
    return f"{kind.name}/v{kind.major}.yaml"


def _pinned(hookspec: Path, compiled: CompiledKind) -> dict[str, str]:
    """Copy the hookspec and the schemas it reads: the contract that the project is built against.

    It is the author's from now on: they may pin a newer one, or work on a kind of their own.
    """
    kind = compiled.kind
    schemas = {f"{kind.name}/{path}": path for path in compiled.documents.files}
    found = {_place(kind): PurePosixPath(hookspec.name), **schemas}
    return {f"{HOOKSPECS}/{name}": _text(hookspec.parent / path) for name, path in found.items()}


def _text(path: Path) -> str:
    return read_text(path, str(path)).replace("\r\n", "\n")


def package_name(name: str) -> str:
    """Return the package of the plugin `name`; raise `UsageError` if the name cannot be used."""
    help_ = "use letters, digits, '-', '_' and '.', with a letter or a digit at both ends"
    if not _NAME.fullmatch(name):
        message = f"'{name}' is not a plugin name of 1 to 40 characters"
        raise UsageError("invalid-name", message, help_)
    package = re.sub(r"[-_.]+", "_", name).lower()
    if (reason := _refusal(package)) is not None:
        message = f"a plugin cannot be called '{name}': its package '{package}' {reason}"
        raise UsageError("invalid-name", message, "choose another name, such as 'my-plugin'")
    return package


def _refusal(package: str) -> str | None:
    if not package.isidentifier():
        return "would start with a digit"
    if keyword.iskeyword(package) or keyword.issoftkeyword(package):
        return "is a keyword of Python"
    if package in sys.stdlib_module_names:
        return "would hide a module of the standard library"
    if package in RESERVED:
        return "would hide a package that the plugin needs"
    return None
