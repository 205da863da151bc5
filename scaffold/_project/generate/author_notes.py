"""What a change of the hookspec leaves to the author: said with the file and the line."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scaffold._filesystem.project_tree import ProjectTree
from scaffold._project.config.access import read_file, read_text
from scaffold._project.config.settings import PluginSettings
from scaffold._project.files.file_changes import Change, State
from scaffold._project.generate.plugin_file import PluginFile, entry_point, read_plugin_file
from scaffold.contract._json import Json, is_array, is_object
from scaffold.generator import contract
from scaffold.generator._emit.python.names import PythonNames
from scaffold.generator._emit.python.plugin_project import plugin_stub
from scaffold.generator.ir import Kind

_PARTS = {
    "input": "what it takes",
    "output": "what it answers",
    "dispatch": "its dispatch class",
    "errors": "its errors",
}
"""What of a hook an author writes code against, by its key in `contract.json`."""
_WORDS = {"title", "description", "$comment"}
_VERSION = re.compile(r"""^kind_api_version[ \t]*=[ \t]*["']([^"']*)["']""", re.MULTILINE)


def author_notes(
    root: Path, settings: PluginSettings, kind: Kind, changes: Iterable[Change]
) -> Iterator[str]:
    """Yield what the author should know after `changes` were written, a line or two each."""
    yield from _hooks(root, settings, kind, _contract_before(changes))
    yield from _imports(root, settings, kind)
    yield from _manifest(root, kind)


def add_missing_methods(root: Path, settings: PluginSettings, kind: Kind) -> Change | None:
    """Return the change that adds the methods that the plugin's class lacks, if it lacks any.

    Raises `SyntaxError` or `ValueError` if its file cannot be added to.
    """
    found = _read(root, settings, kind)
    if found is None:
        return None
    path, plugin, fresh = found
    text = plugin.with_methods(_missing(plugin, fresh), fresh)
    if text == plugin.text:
        return None
    before = read_file(root, path)
    return Change(path, State.OUTDATED, before, text.encode())


def _hooks(
    root: Path, settings: PluginSettings, kind: Kind, before: Mapping[str, Any]
) -> Iterator[str]:
    try:
        found = _read(root, settings, kind)
    except SyntaxError as error:
        yield f"{error.filename}:{error.lineno}: not looked into: {error.msg}"
        return
    if found is None:
        return
    path, plugin, fresh = found
    methods, wanted = plugin.methods(), fresh.methods()
    missing = _missing(plugin, fresh)
    for name in missing:
        signature = wanted[name].signature
        yield f"{path}:{plugin.plugin.lineno}: new: '{plugin.plugin.name}' lacks '{signature}'"
    if missing:
        yield "  help: 'scaffold generate --stub' adds what is missing"
    after: dict[str, Any] = contract(kind)["hooks"]
    names = PythonNames(kind).methods
    for hook in before:
        if hook not in after:
            if hook in methods:
                yield f"{path}:{methods[hook].line}: gone: no host calls '{hook}' any more"
        elif names[hook] in methods and (parts := _changed(before[hook], after[hook])):
            line = methods[names[hook]].line
            yield f"{path}:{line}: changed: '{hook}', {parts}; see 'docs/{_package(kind)}.md'"


def _missing(plugin: PluginFile, fresh: PluginFile) -> list[str]:
    methods = plugin.methods()
    return [name for name in fresh.methods() if name not in methods]


def _read(
    root: Path, settings: PluginSettings, kind: Kind
) -> tuple[str, PluginFile, PluginFile] | None:
    """Return the plugin's file, parsed, and the file of a new project, parsed."""
    place = entry_point(root)
    if place is None:
        return None
    path, name = place
    text = read_file(root, path).decode("utf-8", "surrogateescape")
    try:
        plugin = read_plugin_file(text, name)
    except SyntaxError as error:
        error.filename = path
        raise
    stub = plugin_stub(kind, package=settings.package, class_name=name)
    fresh = read_plugin_file(stub, name)
    return None if plugin is None or fresh is None else (path, plugin, fresh)


def _contract_before(changes: Iterable[Change]) -> dict[str, Any]:
    """Return the hooks as they were, from the contract that was replaced."""
    for change in changes:
        if change.path.endswith("/contract.json") and change.before is not None:
            try:
                hooks: dict[str, Any] = json.loads(change.before)["hooks"]
            except (ValueError, KeyError, TypeError):
                return {}
            return hooks
    return {}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return ", ".join(
        words
        for part, words in _PARTS.items()
        if _meant(before.get(part)) != _meant(after.get(part))
    )


def _meant(value: Json) -> Json:
    """Leave out words that are only for people."""
    if is_object(value):
        return {
            key: _meant(part)
            for key, part in value.items()
            if not (key in _WORDS and isinstance(part, str))
        }
    return [_meant(part) for part in value] if is_array(value) else value


def _imports(root: Path, settings: PluginSettings, kind: Kind) -> Iterator[str]:
    """Find imports of bindings that are gone, as after a new major version."""
    package = _package(kind)
    bindings = re.compile(rf"_generated\.(?!{package}\b)({kind.name}_v\d+)\b")
    generated = f"{settings.package}/_generated/"
    with ProjectTree(root) as tree:
        for folder in (settings.package, "tests"):
            for file in sorted((root / folder).rglob("*.py")):
                path = file.relative_to(root).as_posix()
                if path.startswith(generated):
                    continue
                try:
                    text = tree.read(path).decode("utf-8", "replace")
                except OSError:
                    continue  # a link that leads out, or a file that cannot be imported either
                for number, line in enumerate(text.split("\n"), 1):
                    if match := bindings.search(line):
                        yield f"{path}:{number}: gone: '{match[1]}'; import from '{package}'"


def _manifest(root: Path, kind: Kind) -> Iterator[str]:
    try:
        text = read_text(root, "dagstack.toml")
    except (OSError, ValueError):
        return
    match = _VERSION.search(text)
    if match and match[1] not in (kind.version, str(kind.major)):
        line = text.count("\n", 0, match.start()) + 1
        says = f"kind_api_version is '{match[1]}', and the hookspec's is '{kind.version}'"
        yield f'dagstack.toml:{line}: {says}\n  help: kind_api_version = "{kind.version}"'


def _package(kind: Kind) -> str:
    return f"{kind.name}_v{kind.major}"
