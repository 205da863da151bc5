"""One reload: the running instance of a plugin, and the one that replaces it."""

import logging
from contextlib import ExitStack
from types import ModuleType, TracebackType
from typing import Generic, Self, TypeVar

from scaffold.contract._errors.errors import PluginError
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._in_process import AsyncInProcessChannel, InProcessChannel
from scaffold.host._lifecycle.leak_detection import LeakDetector, LeakReport
from scaffold.host._lifecycle.start_events import make_plugin
from scaffold.host._loading.entry_point import load_plugin
from scaffold.host._loading.module_import import fresh_import, has_module, restore_modules
from scaffold.host._registry.entries import Claim, Entry, LoadedPlugin
from scaffold.host._runtimes.open_channel import runs_in_host
from scaffold.manifest._model import Manifest, Runtime, read_manifest

C = TypeVar("C", Channel, AsyncChannel)


class Reload(Generic[C]):
    """A plugin that is being reloaded, for a `with` statement; only then anything is changed.

    Making one reads the plugin's manifest, and raises `PluginError` if it cannot be reloaded.
    """

    def __init__(self, entry: Entry[C], claim: Claim) -> None:
        self.entry: Entry[C] = entry
        self.claim = claim
        self.before: LoadedPlugin[C] | None = entry.loaded
        self.manifest = _fresh(entry)
        self.plugin: Plugin | None = None
        """Made of the code as it is now, for the same process; `None` elsewhere."""
        self._modules: dict[str, ModuleType] = {}
        self._trail: LeakDetector | None = None

    def load(self, kind: Kind, runtime: Runtime) -> None:
        """Import the plugin's code again; if that fails, nothing has changed."""
        self.kind = kind
        self.runtime: Runtime = runtime
        if self.entry.make is not None:
            self.plugin = make_plugin(self.entry)
        elif runs_in_host(self.manifest, runtime):
            own = has_module(self.manifest.folder, self._module)
            with ExitStack() as stack:
                if own:
                    again = fresh_import(self.manifest.folder, self._module)
                    self._modules = stack.enter_context(again)
                self.plugin = load_plugin(self.manifest)
        channel = self.before.channel if self.before is not None else None
        if isinstance(channel, InProcessChannel | AsyncInProcessChannel):
            self._trail = LeakDetector(channel.plugin, self._modules)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self._modules:
            restore_modules(self.manifest.folder, self._module, self._modules)

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger(f"plugin.{self.entry.name}")

    @property
    def _module(self) -> str:
        return (self.manifest.entry_point or "").partition(":")[0]

    def report(self, error: PluginError) -> None:
        """Log that the plugin before could not be torn down; the fresh one is in use."""
        self._logger.warning("plugin=%s the one before: %s", self.entry.name, error.reason)

    def remains(self) -> LeakReport:
        """Return what is left of the plugin before, once it has been torn down, and log it."""
        self.before = self.claim.before = None
        self._modules.clear()
        found = self._trail.look() if self._trail is not None else LeakReport()
        if found:
            self._logger.warning("plugin=%s left behind: %s", self.entry.name, found)
        return found


def _fresh(entry: Entry[C]) -> Manifest:
    """Return the manifest to reload a plugin by, read again if it was read from a file."""
    manifest = entry.manifest
    assert manifest is not None
    if entry.once:
        raise PluginError(
            entry.name, "it was registered as an object; register its class to make it reloadable"
        )
    if entry.make is not None or not manifest.file.is_file():
        return manifest
    again = read_manifest(manifest.file)
    if again.name != entry.name:
        raise PluginError(entry.name, f"its manifest now calls it '{again.name}'")
    if (again.kind, again.major) != (manifest.kind, manifest.major):
        now = f"{again.kind} {again.kind_api_version}"
        raise PluginError(entry.name, f"its manifest now says that it is of kind {now}")
    return again
