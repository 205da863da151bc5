"""The plugins that a host knows, by name: those in use, and why the others are not."""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Generic, TypeVar
from weakref import WeakSet

from scaffold.contract.errors import DuplicatePlugin, PluginError
from scaffold.contract.hook import Kind
from scaffold.contract.plugin import Plugin
from scaffold.host.flights import Flights
from scaffold.host.manifest import Manifest, Runtime

__all__ = ["Entry", "LoadedPlugin", "Registry", "State", "Status"]

C = TypeVar("C")

MOST_FAILURES: Final = 3
"""Checks of a plugin's health that fail in a row until it is not used any more."""


class State(StrEnum):
    """What has become of a plugin."""

    REGISTERED = "registered"
    """It will be started by `start`."""
    READY = "ready"
    DEGRADED = "degraded"
    """It is in use, although a call or a check of its health has failed since the last success."""
    UNAVAILABLE = "unavailable"
    """It is not used; the reason says why."""
    CLOSED = "closed"
    LEAKED = "leaked"
    """It did not let go of what it took in time, and cannot be reloaded."""


@dataclass(frozen=True, slots=True)
class Status:
    """A plugin as its host reports it."""

    name: str
    kind: str
    """Empty if its manifest cannot be read."""
    state: State
    reason: str = ""
    """Why it is degraded or unavailable."""
    runtime: Runtime | None = None
    """The one in use."""


@dataclass(frozen=True, slots=True)
class LoadedPlugin(Generic[C]):
    """A plugin in use."""

    manifest: Manifest
    kind: Kind
    """The kind as the host sees it; its hooks are what `channel.bind` takes."""
    runtime: Runtime
    """The one that was picked."""
    channel: C
    entrance: C
    """The channel with the host's middleware: what callers get."""
    client: Plugin | None = None
    """What `load` returned; `None` for what was opened without bindings."""
    flights: Flights = field(default_factory=Flights)
    """The calls under way that came by dispatch, or, in process, any way."""


@dataclass(slots=True)
class Entry(Generic[C]):
    """A plugin that the host has been told of."""

    name: str
    manifest: Manifest | None = None
    make: Callable[[], Plugin] | None = None
    """Makes a plugin that was registered as code; others come from their manifest."""
    once: bool = False
    """True if what was registered is an object: there is no second one to reload."""
    state: State = State.REGISTERED
    reason: str = ""
    loaded: LoadedPlugin[C] | None = None
    failures: int = 0
    """Checks of its health that failed in a row."""
    reloading: bool = False

    def fail(self, error: Exception) -> None:
        """Note why the plugin cannot be used."""
        self.state = State.UNAVAILABLE
        self.reason = error.reason if isinstance(error, PluginError) else str(error)
        self.loaded = None

    def abandon(self, error: PluginError, *, leaked: bool) -> None:
        """Note that the plugin could not be torn down, unless another has taken its place."""
        if self.loaded is None:
            self.state = State.LEAKED if leaked else State.UNAVAILABLE
            self.reason = error.reason

    def degrade(self, error: BaseException) -> None:
        """Note that the plugin is in trouble, and in use all the same."""
        if self.state in {State.READY, State.DEGRADED}:
            self.state = State.DEGRADED
            self.reason = f"{type(error).__name__}: {error}"

    def sicken(self, error: BaseException) -> None:
        """Note that a check of the plugin's health has failed; it is not used after several."""
        if self.loaded is None:
            return
        self.failures += 1
        out = self.failures >= MOST_FAILURES
        self.state = State.UNAVAILABLE if out else State.DEGRADED
        self.reason = f"its health: {type(error).__name__}: {error}"

    def recover(self) -> None:
        """Note that the plugin is well."""
        if self.loaded is not None:
            self.state, self.reason, self.failures = State.READY, "", 0

    @property
    def status(self) -> Status:
        """The entry as it is now."""
        kind = self.manifest.kind if self.manifest else ""
        runtime = self.loaded.runtime if self.loaded else None
        return Status(self.name, kind, self.state, self.reason, runtime)


class Registry(Generic[C]):
    """Names and what is known under them, in the order of loading. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loading: set[str] = set()
        self._entries: dict[str, Entry[C]] = {}
        self._loaded: dict[str, LoadedPlugin[C]] = {}
        self._clients: dict[str, WeakSet[Plugin]] = {}
        self._closed = False

    @property
    def plugins(self) -> Mapping[str, LoadedPlugin[C]]:
        """What is loaded, by name."""
        return MappingProxyType(self._loaded)

    @property
    def entries(self) -> Mapping[str, Entry[C]]:
        """Everything that was registered, by name."""
        return MappingProxyType(self._entries)

    def clients(self, name: str) -> WeakSet[Plugin]:
        """Return the clients that callers have of a plugin, to add to; nothing keeps them alive."""
        with self._lock:
            return self._clients.setdefault(name, WeakSet())

    def register(self, entry: Entry[C]) -> None:
        """Add a plugin that is to be started; raise `DuplicatePlugin` if the name is taken."""
        with self._lock:
            self._check_free(entry.name)
            self._entries[entry.name] = entry

    @contextmanager
    def taking(self, name: str) -> Generator[None]:
        """Hold a name while its plugin is being loaded.

        Raises `DuplicatePlugin` if the name is taken, `PluginError` if the host is closed.
        """
        with self._lock:
            self._check_free(name)
            self._loading.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._loading.discard(name)

    def keep(self, plugin: LoadedPlugin[C]) -> None:
        """Put a plugin to use; raise `PluginError` if the host has been closed meanwhile."""
        name = plugin.manifest.name
        with self._lock:
            if self._closed:
                raise PluginError(name, "the host is closed")
            entry = self._entries.setdefault(name, Entry(name, plugin.manifest))
            entry.manifest, entry.loaded = plugin.manifest, plugin
            entry.recover()
            self._loaded[name] = plugin

    def drop(self, name: str, error: Exception | None = None) -> None:
        """Take a plugin out of use, and note why."""
        with self._lock:
            self._loaded.pop(name, None)
            entry = self._entries[name]
            entry.loaded = None
            if error is not None:
                entry.fail(error)

    def empty(self) -> list[LoadedPlugin[C]]:
        """Take everything out, in the order of loading, and take nothing in any more."""
        with self._lock:
            self._closed = True
            plugins = list(self._loaded.values())
            for name in self._loaded:
                self._entries[name].loaded = None
                self._entries[name].state = State.CLOSED
            self._loaded.clear()
            return plugins

    def _check_free(self, name: str) -> None:
        if self._closed:
            raise PluginError(name, "the host is closed")
        if name in self._entries or name in self._loading:
            raise DuplicatePlugin(name)
