"""Which plugins have changed on disk: their files are looked at again and again."""

import logging
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.host._loading.discovery import IGNORED
from scaffold.host._registry.entries import Entry
from scaffold.host._registry.registry import Registry
from scaffold.manifest._model import Manifest

_Sight: TypeAlias = dict[str, tuple[int, int]]
"""The time and the size of every file."""

_ENDINGS: Final = (
    *(".py", ".js", ".mjs", ".cjs", ".ts", ".go", ".rs", ".so"),
    *(".toml", ".json", ".yaml", ".yml"),
)
"""Files that make a plugin what it is; what it writes next to them must not have it reloaded."""


class FileWatcher:
    """Looks at the files of the plugins that a host knows, and remembers what it saw.

    A change counts once it is the same at two looks in a row: then it has been written to its end.
    """

    def __init__(self, registry: Registry[Any]) -> None:
        self._registry = registry
        self._seen: dict[str, _Sight] = {}
        self._settling: dict[str, _Sight] = {}
        self.changed()

    def changed(self) -> list[str]:
        """Return the names of the plugins whose files have changed since the last look."""
        entries = list(self._registry.entries.values())
        return [entry.name for entry in entries if self._has_changed(entry)]

    @contextmanager
    def telling(self, name: str) -> Generator[None]:
        """Log what becomes of a reload; its failure is for the log only."""
        logger = logging.getLogger(f"plugin.{name}")
        try:
            yield
        except PLUGIN_EXCEPTIONS as error:
            state = self._registry.entries[name].state
            logger.warning("plugin=%s changed, not reloaded, it is %s: %s", name, state, error)
        else:
            logger.info("plugin=%s changed, reloaded", name)

    def _has_changed(self, entry: Entry[Any]) -> bool:
        manifest = entry.manifest
        if manifest is None or not _is_watched(entry, manifest):
            return False
        name, now = entry.name, dict(_files(manifest))
        last = self._settling.pop(name, None)
        if self._seen.setdefault(name, now) == now:
            return False
        if last != now:
            self._settling[name] = now
            return False
        self._seen[name] = now
        return True


def _is_watched(entry: Entry[Any], manifest: Manifest) -> bool:
    elsewhere = entry.loaded is not None and entry.loaded.runtime == "mcp_http"
    return entry.make is None and not elsewhere and manifest.file.is_file()


def _files(manifest: Manifest) -> Iterator[tuple[str, tuple[int, int]]]:
    for path in _paths(manifest):
        # An editor may be replacing the file at this moment.
        with suppress(OSError):
            state = path.stat()
            yield str(path), (state.st_mtime_ns, state.st_size)


def _paths(manifest: Manifest) -> Iterator[Path]:
    command = manifest.mcp_stdio.command if manifest.mcp_stdio else ()
    yield from (manifest.folder / word for word in command if not word.startswith("-"))
    for folder, folders, files in os.walk(manifest.folder):
        folders[:] = [name for name in folders if name not in IGNORED and not name.startswith(".")]
        yield from (Path(folder, name) for name in files if name.endswith(_ENDINGS))
