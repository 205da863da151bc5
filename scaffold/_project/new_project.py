"""The files of a new plugin project: from the template, from the emitters, and the author's own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from scaffold._project.config.errors import UsageError
from scaffold._project.config.plugin_names import package_name
from scaffold._project.config.settings import PluginSettings
from scaffold._project.files.lockfile import LOCKFILE, Entry, Lock, Owner, digest
from scaffold._project.generate.generated_files import plugin_class, plugin_files
from scaffold._project.generate.generation_cache import GeneratedFiles
from scaffold._project.generate.generation_plan import lock_for
from scaffold._project.template.template import newest_bundled, render_new_project
from scaffold.generator import compile_kind, kind_files
from scaffold.generator._emit.python.plugin_project import RUNTIMES, manifest, plugin_stub
from scaffold.generator._source.source_text import read_text
from scaffold.generator.ir import Kind


def new_project(
    name: str,
    hookspec: Path,
    *,
    runtimes: Sequence[str],
    language: str,
    answers: Mapping[str, str],
    defaults: bool,
    interactive: bool,
) -> dict[str, str]:
    """Return all files of a new plugin project, by path, and touch nothing.

    Raises `UsageError` for a name, a runtime or an answer that cannot be used, and `SpecError` for
    a broken hookspec.
    """
    package = package_name(name)
    kind = compile_kind(hookspec)
    kind = replace(kind, source=f"{kind.name}/v{kind.major}.yaml")  # where it is pinned
    offered = _offered(kind, runtimes)
    settings = PluginSettings(kind.name, "hookspecs", package, language)
    made = plugin_class(kind, package)
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
    user = {
        **_pinned(hookspec, kind),
        "dagstack.toml": manifest(
            kind, plugin=name, package=package, class_name=made, runtimes=offered
        ),
        f"{package}/plugin.py": plugin_stub(kind, package=package, class_name=made),
    }
    wanted = GeneratedFiles(plugin_files(kind, settings), {kind.source: kind.digest})
    known = Lock(files={**_entries(template, Owner.TEMPLATE), **_entries(user, Owner.USER)})
    files = {**template, **user, **wanted.files}
    return {**files, LOCKFILE: lock_for(wanted, known).render()}


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


def _pinned(hookspec: Path, kind: Kind) -> dict[str, str]:
    """Copy the hookspec and the schemas it reads: the contract that the project is built against.

    It is the author's from now on: they may pin a newer one, or work on a kind of their own.
    """
    pinned = PurePosixPath("hookspecs", kind.name)
    first, *schemas = kind_files(hookspec)
    names = {first: f"v{kind.major}.yaml"} | {path: str(path) for path in schemas}
    return {str(pinned / name): _text(hookspec.parent / path) for path, name in names.items()}


def _text(path: Path) -> str:
    return read_text(path, str(path)).replace("\r\n", "\n")


def _entries(files: Mapping[str, str], owner: Owner) -> dict[str, Entry]:
    return {path: Entry(owner, digest(text.encode())) for path, text in files.items()}
