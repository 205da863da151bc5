"""What a project's generated files should be, in memory."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from scaffold._project.config.errors import PreconditionError
from scaffold._project.config.hookspec_lookup import all_hookspecs, pinned_hookspec
from scaffold._project.config.settings import (
    CONTRACT_TEST,
    PluginSettings,
    RepositorySettings,
    Settings,
)
from scaffold._project.generate.generation_cache import Cache, GeneratedFiles
from scaffold.generator import compile_kind
from scaffold.generator._emit import EMITTERS, emit, languages
from scaffold.generator._emit.python.names import PythonNames
from scaffold.generator._emit.python.plugin_project import contract_test
from scaffold.generator.ir import Kind

DOCUMENTS = ("markdown", "openrpc")
"""The emitters that write into the `docs` folder of a plugin project."""


def generated(root: Path, settings: Settings, cache: Cache) -> tuple[GeneratedFiles, Kind | None]:
    """Return a project's generated files, and the kind if it is a plugin's project.

    Of a repository's kinds, those that the cache knows are taken from there.

    Raises `SpecError` for hookspecs that are broken, `PreconditionError` for bad targets.
    """
    if isinstance(settings, PluginSettings):
        _known(settings.language)
        kind = compile_pinned(root, settings)
        return plugin_files(kind, settings), kind
    return _targets(root, settings, cache), None


def compile_pinned(root: Path, settings: PluginSettings) -> Kind:
    """Compile the kind that a plugin project is built against."""
    return compile_kind(pinned_hookspec(root, settings))


def portable(settings: Settings) -> bool:
    """Tell whether only emitters of ours are at work, whose every change is known."""
    return isinstance(settings, PluginSettings) or all(
        target.emitter in EMITTERS for target in settings.targets
    )


def plugin_class(kind: Kind, package: str) -> str:
    """Return the name of the class in a project's `plugin.py`; the contract's class has another."""
    words = "".join(word.capitalize() for word in package.removesuffix("_plugin").split("_"))
    name = f"{words}Plugin"
    return f"My{name}" if name == PythonNames(kind).plugin else name


def plugin_files(kind: Kind, settings: PluginSettings) -> GeneratedFiles:
    """Write the generated files of a plugin project."""
    package = settings.package
    files = _into(f"{package}/_generated", emit(kind, settings.language))
    for emitter in DOCUMENTS:
        files |= _into("docs", emit(kind, emitter))
    files[CONTRACT_TEST] = contract_test(
        kind, package=package, class_name=plugin_class(kind, package)
    )
    return GeneratedFiles(files, {kind.source: kind.digest})


def _known(emitter: str) -> None:
    if emitter not in EMITTERS and emitter not in languages():
        listed = ", ".join(f"'{each}'" for each in languages())
        message = f"there is no emitter '{emitter}'"
        raise PreconditionError("unknown-emitter", message, f"there is: {listed}")


def _targets(root: Path, settings: RepositorySettings, cache: Cache) -> GeneratedFiles:
    for target in settings.targets:
        _known(target.emitter)
    hookspecs = all_hookspecs(root, settings)
    if len(hookspecs) == 1:
        return _together([_kind(path, settings) for path in hookspecs])
    parts: list[GeneratedFiles] = []
    fresh: dict[str, GeneratedFiles] = {}
    for path in hookspecs:
        key = cache.key_of(path, settings, root)
        known = cache.recall(key)
        if known is None:
            known = fresh[key] = _kind(path, settings)
        parts.append(known)
    cache.keep(fresh)
    return _together(parts)


def _kind(hookspec: Path, settings: RepositorySettings) -> GeneratedFiles:
    """Write the files of one kind, for every target."""
    kind = compile_kind(hookspec)
    files: dict[str, str] = {}
    for target in settings.targets:
        files |= _into(target.out, emit(kind, target.emitter))
    return GeneratedFiles(files, {kind.source: kind.digest})


def _together(parts: Iterable[GeneratedFiles]) -> GeneratedFiles:
    files: dict[str, str] = {}
    hookspecs: dict[str, str] = {}
    for part in parts:
        files |= part.files
        hookspecs |= part.hookspecs
    return GeneratedFiles(files, hookspecs)


def _into(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {str(PurePosixPath(folder, path)): text for path, text in files.items()}
