"""Periodic checks of a host: the health of its plugins, and their files on disk."""

import logging
import os
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, TypeAlias, TypeVar

from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Hook
from scaffold.host._concurrency.background_work import Periodic
from scaffold.host._concurrency.time_limit import ThreadUnavailable
from scaffold.host._dispatch.dispatchers import Dispatchers
from scaffold.host._lifecycle.driver import Driver
from scaffold.host._lifecycle.lifecycle import Lifecycle
from scaffold.host._lifecycle.reload import Reloader
from scaffold.host._loading.discovery import IGNORED
from scaffold.host._registry.entries import Entry, LoadedPlugin
from scaffold.host._registry.registry import Registry
from scaffold.manifest._missing_hooks import missing_hook_error
from scaffold.manifest._model import Manifest

C = TypeVar("C", Channel, AsyncChannel)

_CHECK_TIMEOUT: Final = 5.0
"""Seconds that a check of a plugin's health may take."""

_Sight: TypeAlias = dict[str, tuple[int, int]]
"""The time and the size of every file."""

_ENDINGS: Final = (
    *(".py", ".js", ".mjs", ".cjs", ".ts", ".go", ".rs", ".so"),
    *(".toml", ".json", ".yaml", ".yml"),
)
"""Files that make a plugin what it is; what it writes next to them must not have it reloaded."""


class Supervision(Generic[C]):
    """Checks plugins, and reloads those whose files have changed.

    Args:
        lifecycle: Of the host.
        reloader: Of the host.
        health_every: Seconds between two health checks; `None` makes none.
        watch_every: Seconds between two looks at the files of plugins; `None` makes none.
    """

    def __init__(
        self,
        lifecycle: Lifecycle[C],
        reloader: Reloader[C],
        health_every: float | None,
        watch_every: float | None,
    ) -> None:
        self._registry: Registry[C] = lifecycle.registry
        self._dispatchers: Dispatchers[C] = lifecycle.dispatchers
        self._driver: Driver[C] = lifecycle.driver
        self._reloader: Reloader[C] = reloader
        self._health_every = health_every
        self._watch_every = watch_every

    def start(self) -> None:
        """Start the checks of health and files that the host was asked for, once."""
        self._driver.start_periodic_work(self._periodic_work)

    async def check(self) -> None:
        """Check the health of every plugin in use; see `Host.check`."""
        used = [entry for entry in self._registry.entries.values() if entry.loaded is not None]
        before = [entry.state for entry in used]
        await self._driver.for_each(self._check, used, lambda _entry, _seconds: None)
        if before != [entry.state for entry in used]:
            self._dispatchers.rebind()

    async def _check(self, entry: Entry[C]) -> None:
        loaded = entry.loaded
        if loaded is None:
            return
        try:
            await self._driver.check(loaded.channel, _probe_hook(loaded), _CHECK_TIMEOUT)
        except PLUGIN_EXCEPTIONS as error:
            entry.record_health_failure(loaded, error)
        else:
            entry.record_health_success(loaded)

    def _periodic_work(self) -> Iterator[Periodic[Coroutine[Any, Any, None]]]:
        if self._health_every is not None:
            yield self._health_every, self.check
        if self._watch_every is not None:
            yield self._watch_every, partial(self._reload_changed, FileWatcher(self._registry))

    async def _reload_changed(self, watcher: "FileWatcher") -> None:
        try:
            changed = await self._driver.in_thread(watcher.changed)
        except ThreadUnavailable:
            return  # the next look finds the same
        for name in changed:
            await self._reload(name)

    async def _reload(self, name: str) -> None:
        """Reload a plugin; a failure is for its log only."""
        logger = logging.getLogger(f"plugin.{name}")
        try:
            await self._reloader.reload(name, keep=True)
        except PLUGIN_EXCEPTIONS as error:
            state = self._registry.entries[name].state
            logger.warning("plugin=%s changed, not reloaded, it is %s: %s", name, state, error)
        else:
            logger.info("plugin=%s changed, reloaded", name)


def _probe_hook(loaded: LoadedPlugin[Any]) -> Hook[None, Any] | None:
    """Return a hook that can be called to see whether a plugin answers, if it has one."""
    hooks = loaded.kind.hooks.values()
    catalogues = {hook.functions.catalogue for hook in hooks if hook.functions}
    for hook in hooks:
        offered = hook.exposed or hook.name in catalogues
        asks_nothing = hook.read_only and hook.input.python_type is None and not hook.streams
        if asks_nothing and offered and missing_hook_error(loaded.entry_channel, hook) is None:
            return hook
    return None


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
