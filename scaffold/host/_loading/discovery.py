"""Where plugins are found without being named: folders, and the entry points of packages."""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import FunctionType
from typing import Final

from scaffold.contract._errors.errors import DuplicatePlugin, ManifestInvalid, PluginLoadError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.contract._json import Json, is_object
from scaffold.host._loading.plugin_loader import describe_exception
from scaffold.host._loading.shared_bindings import sharing_bindings
from scaffold.manifest._file import UNPARSED
from scaffold.manifest._lookup import SOURCES
from scaffold.manifest._model import Manifest, manifest_of, read_manifest

GROUPS: Final = ("scaffold.plugins", "dagstack.plugins")
"""The groups of entry points that name plugins."""

IGNORED: Final = {"__pycache__", "node_modules"}
"""Folders that hold nothing of a plugin's own; so do those whose name begins with a dot."""
_MANIFESTS: Final = [name for name in SOURCES if name not in {"pyproject.toml", "package.json"}]


def find_plugins(folder: Path) -> Iterator[Path]:
    """Yield every folder below that holds a manifest, in the order of names.

    A plugin's own folders are not searched, nor those whose name begins with a dot. Links are
    followed; a folder to which several lead is searched once.
    """
    seen: set[tuple[int, int]] = set()
    for path, folders, files in os.walk(folder, followlinks=True):
        here = Path(path)
        if not _is_new(here, seen):
            folders.clear()
            continue
        if here != folder and (ours := _is_plugin(here, files)) is not None:
            yield here
            if ours:
                folders.clear()
        folders[:] = sorted(
            name for name in folders if name not in IGNORED and not name.startswith(".")
        )


def _is_new(folder: Path, seen: set[tuple[int, int]]) -> bool:
    """Note a folder; return False if it was noted before, under whatever name."""
    try:
        found = folder.stat()
    except OSError:  # it has been removed meanwhile
        return False
    identity = (found.st_dev, found.st_ino)
    known = identity in seen
    seen.add(identity)
    return not known


def _is_plugin(folder: Path, files: list[str]) -> bool | None:
    """Tell whether a folder is a plugin's own; `None` if it has no manifest.

    False if it is not known, because a file that may belong to anybody cannot be parsed: then it
    must not hide the plugins below.
    """
    if any(name in files for name in _MANIFESTS):
        return True
    if not {"pyproject.toml", "package.json"}.intersection(files):
        return None
    # Such a file may belong to anybody: only a section of ours makes it a manifest.
    try:
        read_manifest(folder)
    except ManifestInvalid as error:
        if ": no-manifest: " in error.reason:
            return None
        return not any(f": {code}: " in error.reason for code in UNPARSED)
    return True


def installed() -> list[EntryPoint]:
    """Return the entry points of installed packages that name plugins, each name once.

    A distribution that is on the path twice, as an editable one may be, counts once. One that
    names a plugin in both groups has one plugin for two hosts, and the first group counts. Raises
    `DuplicatePlugin` if two entry points otherwise give one name to different things.
    """
    found: dict[str, EntryPoint] = {}
    for group in GROUPS:
        for point in entry_points(group=group):
            known = found.setdefault(point.name, point)
            alike = known.value == point.value or known.group != point.group
            if not alike or _distribution(known) != _distribution(point):
                raise DuplicatePlugin(point.name, f"{_named(known)} and {_named(point)}")
    return [found[name] for name in sorted(found)]


def _distribution(point: EntryPoint) -> str:
    name = "" if point.dist is None else point.dist.name
    return re.sub(r"[-_.]+", "-", name).lower()


def _named(point: EntryPoint) -> str:
    owner = "a package" if point.dist is None else f"{point.dist.name} {point.dist.version}"
    return f"'{point.value}' of {owner}"


def from_entry_point(
    point: EntryPoint, kinds: Iterable[Kind]
) -> tuple[Manifest, type[Plugin] | None]:
    """Return the manifest that an entry point leads to, and the class if it names one.

    It names a plugin's class, whose manifest may lie next to its module; a module with a
    `DAGSTACK_PLUGIN_MANIFEST`; or, as dagstack has it, the manifest itself or a function that
    returns it. The plugin shares the bindings of the host's `kinds` if its own are the same.
    Raises `PluginLoadError` or `ManifestInvalid`.
    """
    try:
        with sharing_bindings(kinds):
            found: object = point.load()
        if isinstance(found, FunctionType):
            found = found()
    except PLUGIN_EXCEPTIONS as error:
        where = f"'{point.value}' cannot be imported: {describe_exception(error, Path.cwd())}"
        raise PluginLoadError(point.name, where) from None
    attributes = vars(sys.modules[point.module])
    content: Json = found if point.attr else attributes.get("DAGSTACK_PLUGIN_MANIFEST")
    if isinstance(found, type) and issubclass(found, Plugin):
        return manifest_of(found, point.name, {}), found
    file: str | None = attributes.get("__file__")
    if not is_object(content) or file is None:
        raise PluginLoadError(point.name, f"'{point.value}' names no plugin")
    return manifest_of(None, point.name, content, Path(file)), None
