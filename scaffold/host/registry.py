"""The plugins that a host has loaded, by name."""

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from scaffold.contract.errors import PluginError
from scaffold.contract.hook import Kind
from scaffold.contract.plugin import Plugin
from scaffold.host.manifest import Manifest, Runtime

__all__ = ["LoadedPlugin", "Registry"]

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class LoadedPlugin(Generic[C]):
    """A plugin in use."""

    manifest: Manifest
    kind: Kind
    """The kind as the host sees it; its hooks are what `channel.bind` takes."""
    runtime: Runtime
    """The one that was picked."""
    channel: C
    client: Plugin | None = None
    """What `load` returned; `None` for what was opened without bindings."""


class Registry(Generic[C]):
    """Names and what was loaded under them, in the order of loading. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loading: set[str] = set()
        self._loaded: dict[str, LoadedPlugin[C]] = {}
        self._closed = False

    @property
    def plugins(self) -> Mapping[str, LoadedPlugin[C]]:
        """What is loaded, by name."""
        return MappingProxyType(self._loaded)

    @contextmanager
    def taking(self, name: str) -> Generator[None]:
        """Hold a name while its plugin is being loaded.

        Raises `PluginError` if the name is taken, or if the host is closed.
        """
        with self._lock:
            if self._closed:
                raise PluginError(name, "the host is closed")
            if name in self._loaded or name in self._loading:
                raise PluginError(name, "a plugin of this name is loaded already")
            self._loading.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._loading.discard(name)

    def keep(self, plugin: LoadedPlugin[C]) -> None:
        """Add a plugin; raise `PluginError` if the host has been closed meanwhile."""
        name = plugin.manifest.name
        with self._lock:
            if self._closed:
                raise PluginError(name, "the host is closed")
            self._loaded[name] = plugin

    def empty(self) -> list[LoadedPlugin[C]]:
        """Take everything out, in the order of loading, and take nothing in any more."""
        with self._lock:
            self._closed = True
            plugins = list(self._loaded.values())
            self._loaded.clear()
            return plugins
