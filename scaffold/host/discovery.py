"""Where plugins are found without being named: folders, and the entry points of packages."""

import os
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import FunctionType
from typing import Final

from scaffold.contract.errors import ManifestInvalid, PluginLoadError
from scaffold.contract.failure import FAILURES
from scaffold.contract.plugin import Plugin
from scaffold.contract.values import Json, is_object
from scaffold.host.loader import cause
from scaffold.host.manifest import Manifest, manifest_of, read_manifest
from scaffold.resources.manifests import SOURCES

__all__ = ["GROUPS", "IGNORED", "find_plugins", "from_entry_point", "installed"]

GROUPS: Final = ("scaffold.plugins", "dagstack.plugins")
"""The groups of entry points that name plugins."""

IGNORED: Final = {"__pycache__", "node_modules"}
"""Folders that hold nothing of a plugin's own; so do those whose name begins with a dot."""
_MANIFESTS: Final = [name for name in SOURCES if name not in {"pyproject.toml", "package.json"}]


def find_plugins(folder: Path) -> Iterator[Path]:
    """Yield every folder below that holds a manifest, in the order of names.

    A plugin's own folders are not searched, nor those whose name begins with a dot.
    """
    for path, folders, files in os.walk(folder):
        here = Path(path)
        if here != folder and _is_plugin(here, files):
            yield here
            folders.clear()
        folders[:] = sorted(
            name for name in folders if name not in IGNORED and not name.startswith(".")
        )


def _is_plugin(folder: Path, files: list[str]) -> bool:
    if any(name in files for name in _MANIFESTS):
        return True
    if not {"pyproject.toml", "package.json"}.intersection(files):
        return False
    # Such a file may belong to anybody: only a section of ours makes it a manifest.
    try:
        read_manifest(folder)
    except ManifestInvalid as error:
        return ": no-manifest: " not in error.reason
    return True


def installed() -> list[EntryPoint]:
    """Return the entry points of installed packages that name plugins, each name once."""
    found = {point.name: point for group in reversed(GROUPS) for point in entry_points(group=group)}
    return [found[name] for name in sorted(found)]


def from_entry_point(point: EntryPoint) -> tuple[Manifest, type[Plugin] | None]:
    """Return the manifest that an entry point leads to, and the class if it names one.

    It names a plugin's class, whose manifest may lie beside its module; a module with a
    `DAGSTACK_PLUGIN_MANIFEST`; or, as dagstack has it, the manifest itself or a function that
    returns it. Raises `PluginLoadError` or `ManifestInvalid`.
    """
    try:
        found: object = point.load()
        if isinstance(found, FunctionType):
            found = found()
    except FAILURES as error:
        where = f"'{point.value}' cannot be imported: {cause(error, Path.cwd())}"
        raise PluginLoadError(point.name, where) from None
    attributes = vars(sys.modules[point.module])
    content: Json = found if point.attr else attributes.get("DAGSTACK_PLUGIN_MANIFEST")
    if isinstance(found, type) and issubclass(found, Plugin):
        return manifest_of(found, point.name, {}), found
    file: str | None = attributes.get("__file__")
    if not is_object(content) or file is None:
        raise PluginLoadError(point.name, f"'{point.value}' names no plugin")
    return manifest_of(None, point.name, content, Path(file)), None
