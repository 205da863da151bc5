"""Which kind a name, a file or a folder means."""

from pathlib import Path

from scaffold._project.config.errors import UsageError
from scaffold._project.config.settings import PluginSettings, Settings, find_settings, hookspecs_of
from scaffold.generator import (
    SpecError,
    compile_kind,
    find_kind,
    list_kinds,
    shipped_hookspecs,
)
from scaffold.generator.ir import Kind


def hookspecs_in(path: Path, within: Path | None = None) -> list[Path]:
    """Return the hookspec that a path is, or all those in a folder of them.

    Links may lead to files in the folder, or `within` another. Raises `UsageError` if there is
    none, and `SpecError` for a link that leads elsewhere.
    """
    found = [file for majors in list_kinds([path], within).values() for file in majors.values()]
    if not found:
        advice = "name a YAML file, or a folder with hookspecs such as 'tool/v1.yaml'"
        raise UsageError("no-hookspec", f"there is no hookspec in '{path}'", advice)
    return sorted(found)


def kind_names(own: Path | None = None) -> list[str]:
    """Return the names of the kinds in a person's `own` folder, or of those that ship."""
    return sorted(list_kinds([own or shipped_hookspecs()]))


def named_hookspec(name: str, own: Path | None = None) -> Path:
    """Return the hookspec of a kind: one of a person's `own` folder or file, or one that ships.

    Raises `UsageError` if there is none of that name.
    """
    if own is not None and own.is_file():
        return _file_of(name, own)
    try:
        return find_kind(name, [own or shipped_hookspecs()])
    except SpecError as error:
        (problem,) = error.diagnostics
        raise UsageError(problem.code, problem.message, problem.hint) from error


def _file_of(name: str, file: Path) -> Path:
    kind = compile_kind(file)
    if kind.name != name:
        raise UsageError("unknown-kind", f"'{file}' describes '{kind.name}', and not '{name}'")
    return file


def pinned_hookspec(root: Path, settings: PluginSettings) -> Path:
    """Return the hookspec that a plugin project is built against."""
    return find_kind(settings.kind, [hookspecs_of(root, settings)], root)


def all_hookspecs(root: Path, settings: Settings) -> list[Path]:
    """Return all hookspecs of a project; raises as `hookspecs_in` does."""
    return hookspecs_in(hookspecs_of(root, settings), root)


def resolve_kind(subject: str) -> Kind:
    """Compile the kind that a person means by its name, its hookspec or a plugin's folder."""
    path = Path(subject)
    if not path.exists():
        return compile_kind(named_hookspec(subject))
    if path.is_dir() and isinstance(settings := find_settings(path), PluginSettings):
        return compile_kind(pinned_hookspec(path, settings))
    first, *others = hookspecs_in(path)
    if others:
        listed = ", ".join(f"'{each}'" for each in (first, *others))
        raise UsageError(
            "many-hookspecs", f"'{path}' has more than one hookspec", f"name one: {listed}"
        )
    return compile_kind(first)
