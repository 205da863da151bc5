"""The plugins that a host knows, by name: those in use, and why the others are not."""

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold.contract._errors.errors import DuplicatePlugin, PluginError
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._registry.entries import Claim, Entry, LoadedPlugin, State

C = TypeVar("C")


class Registry(Generic[C]):
    """Names and what is known under them, in the order of loading.

    Any thread may use it, a signal handler included. Every change of a plugin's state is a
    test-and-set under one lock.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry[C]] = {}
        self._loading: dict[str, Claim] = {}
        self._loaded: dict[str, LoadedPlugin[C]] = {}
        self._retired: dict[int, LoadedPlugin[C]] = {}
        """Plugins out of use, by identity, until `ended` says that their teardown is over."""
        self._clients: dict[str, WeakSet[Plugin]] = {}
        self._start: Claim | None = None
        self._closed = False
        self._reset()
        reset_after_fork(self._reset)

    @property
    def plugins(self) -> Mapping[str, LoadedPlugin[C]]:
        """What is loaded, by name."""
        return MappingProxyType(self._loaded)

    @property
    def entries(self) -> Mapping[str, Entry[C]]:
        """Everything that was registered, by name, at this moment."""
        return self._entries.copy()

    def clients(self, name: str) -> WeakSet[Plugin]:
        """Return the clients that callers have of a plugin, to add to; nothing keeps them alive."""
        with self._lock:
            return self._clients.setdefault(name, WeakSet())

    def rebind_clients(self, name: str, channel: C) -> None:
        """Have the clients that callers have of a plugin go on through another channel.

        They are made again, in place. Raises `PluginError` if the plugin lacks one of their hooks.
        """
        for client in list(self.clients(name)):
            make_again: Any = vars(type(client)).get("__init__")
            make_again(client, channel)

    def register(self, entry: Entry[C]) -> None:
        """Add a plugin that `start` will start; raise `DuplicatePlugin` if the name is taken."""
        with self._lock:
            self._check_free(entry.name)
            self._entries[entry.name] = entry

    @contextmanager
    def loading(self, name: str, task: object = None) -> Generator[Claim]:
        """Hold a name while its plugin is being loaded.

        Raises `DuplicatePlugin` if the name is taken, `PluginError` if the host is closed.
        """
        claim = Claim("loaded", task)
        try:
            with self._lock:
                self._release_all()
                self._check_free(name)
                self._loading[name] = claim
            yield claim
        finally:
            claim.over = True  # an interruption of what follows leaves nothing taken
            with self._lock:
                self._release_all()

    @contextmanager
    def starting(self, task: object = None) -> Generator[Claim | None]:
        """Hold everything that is registered, while it is being started.

        Yields `None` if another thread or task is starting plugins: then try again later. Raises
        `RuntimeError` if that is the one which calls, `PluginError` if the host is closed.
        """
        claim = Claim("started", task)
        try:
            with self._lock:
                self._release_all()
                mine = self._take_start(claim)
            yield claim if mine else None
        finally:
            claim.over = True  # an interruption of what follows leaves nothing taken
            with self._lock:
                self._release_all()

    def can_start(self) -> bool:
        """Tell whether no thread or task is starting plugins."""
        with self._lock:
            self._release_all()
            return self._start is None

    @contextmanager
    def reloading(self, name: str, task: object = None) -> Generator[tuple[Entry[C], Claim]]:
        """Hold a plugin while it is being reloaded.

        Raises `PluginError` if it is not in use, or is being started or reloaded already.
        """
        claim = Claim("reloaded", task)
        entry = self._entries.get(name)
        try:
            with self._lock:
                self._release_all()
                if entry is not None and entry.claim is not None:
                    raise PluginError(
                        name, f"it is being {entry.claim.doing} already; try again later"
                    )
                if entry is None or (entry.loaded is None and entry.state is not State.UNAVAILABLE):
                    state = f"; it is {entry.state}" if entry is not None else ""
                    raise PluginError(name, f"no plugin of this name is in use{state}")
                self._check_open(name)
                entry.claim, claim.before = claim, entry.loaded
            yield entry, claim
        finally:
            claim.over = True  # an interruption of what follows leaves nothing taken
            with self._lock:
                self._release_all()

    def register_loaded(self, plugin: LoadedPlugin[C], claim: Claim) -> None:
        """Put a plugin to use.

        Raises `PluginError` if the host has been closed meanwhile, if the claim has been given up,
        or if another plugin of this name is in use which is not the one that is reloaded.
        """
        name = plugin.manifest.name
        with self._lock:
            self._check_open(name)
            entry = self._entries.get(name)
            if claim is not (self._loading.get(name) if entry is None else entry.claim):
                raise PluginError(name, f"it was not {claim.doing}: the attempt was cancelled")
            used = self._loaded.get(name)
            if used is not None and used is not claim.before:
                raise PluginError(name, "a plugin of this name is in use")
            entry = self._entries.setdefault(name, Entry(name, plugin.manifest))
            if used is not None:
                self._retired[id(used)] = used
            entry.manifest, entry.loaded = plugin.manifest, plugin
            entry.kind, entry.runtime, entry.client = plugin.kind, plugin.runtime, plugin.client
            entry.state, entry.reason, entry.failures = State.READY, "", 0
            self._loaded[name] = plugin
            # A signal handler of this thread may have closed the host in between.
            if self._closed:
                self._loaded.pop(name, None)
                entry.loaded, entry.state = None, State.CLOSED
                self._check_open(name)

    def unregister_loaded(self, plugin: LoadedPlugin[C], claim: Claim) -> None:
        """Undo `register_loaded`: what was in use before is in use again."""
        name, before = plugin.manifest.name, claim.before
        with self._lock:
            if self._loaded.get(name) is not plugin:
                return
            entry = self._entries[name]
            if before is not None:
                self._loaded[name] = entry.loaded = before
                self._retired.pop(id(before), None)
                return
            del self._loaded[name]
            entry.loaded = None
            if name in self._loading:
                del self._entries[name]
            else:
                entry.state = State.STARTING if claim is self._start else State.RELOADING

    def reopen(self, entry: Entry[C], claim: Claim, state: State, reason: str) -> None:
        """Use a plugin again as before its reload began, unless the host has been closed."""
        with self._lock:
            if claim.before is not None and self._loaded.get(entry.name) is claim.before:
                self._retired.pop(id(claim.before), None)
                entry.state, entry.reason = state, reason
                claim.before.in_flight.closed = False

    def retire(self, entry: Entry[C], claim: Claim) -> None:
        """Take a plugin that is reloaded out of use; `retired` lists it until `ended` is called."""
        with self._lock:
            loaded = self._loaded.get(entry.name)
            if loaded is not None:
                self._retired[id(loaded)] = loaded  # first: an interruption must not lose it
                del self._loaded[entry.name]
            entry.loaded = claim.before = None

    def retired(self, name: str) -> list[LoadedPlugin[C]]:
        """Return the plugins of a name that are out of use and must still be torn down."""
        with self._lock:
            retired = list(self._retired.values())
        return [loaded for loaded in retired if loaded.manifest.name == name]

    def ended(self, loaded: LoadedPlugin[C]) -> None:
        """Note that a plugin has been torn down, or that its teardown has failed."""
        with self._lock:
            self._retired.pop(id(loaded), None)

    def fail(self, entry: Entry[C], claim: Claim, error: Exception) -> bool:
        """Note why a plugin cannot be used, if the claim has not been given up; tell whether."""
        with self._lock:
            if entry.claim is not claim:
                return False
            self._loaded.pop(entry.name, None)
            entry.fail(error)
            return True

    def check_open(self, name: str) -> None:
        """Raise `PluginError` if the host is closed: nothing of it starts any more."""
        with self._lock:
            self._check_open(name)

    def close(self) -> None:
        """Take nothing in any more."""
        self._closed = True

    def busy(self, task: object = None) -> bool:
        """Tell whether another thread or task is loading, starting or reloading plugins."""
        with self._lock:
            self._release_all()
            claims = [self._start, *self._loading.values()]
            claims += [entry.claim for entry in self._entries.values()]
        return any(claim is not None and not claim.is_mine(task) for claim in claims)

    def take_all(self) -> list[LoadedPlugin[C]]:
        """Take everything out of use, and take nothing in any more.

        Returns what must be torn down, in the order of loading.
        """
        with self._lock:
            self._closed = True
            for name, loaded in self._loaded.items():
                self._retired[id(loaded)] = loaded
                self._entries[name].loaded = None
                self._entries[name].state = State.CLOSED
            self._loaded.clear()
            return list(self._retired.values())

    def _take_start(self, claim: Claim) -> bool:
        due = [entry for entry in self._entries.values() if entry.state is State.REGISTERED]
        if self._start is not None:
            if self._start.is_mine(claim.task):
                raise RuntimeError("start is called by code that start has called")
            return False
        for entry in due:
            self._check_open(entry.name)
        self._start = claim
        for entry in due:
            entry.claim, entry.state = claim, State.STARTING
        return True

    def _release_all(self) -> None:
        """Give back everything whose claim is over."""
        if self._start is not None and self._start.over:
            self._start = None
        for name, claim in list(self._loading.items()):
            if claim.over:
                del self._loading[name]
        for entry in self._entries.values():
            if entry.claim is not None and entry.claim.over:
                self._release(entry, entry.claim)

    def _release(self, entry: Entry[C], claim: Claim) -> None:
        if entry.claim is not claim:
            return
        entry.claim = None
        if entry.state is State.STARTING:
            entry.state = State.REGISTERED
        elif entry.state is State.RELOADING:
            entry.state, entry.reason = State.UNAVAILABLE, "its reload was interrupted"

    def _check_open(self, name: str) -> None:
        if self._closed:
            raise PluginError(name, "the host is closed")

    def _check_free(self, name: str) -> None:
        self._check_open(name)
        if name in self._entries or name in self._loading:
            raise DuplicatePlugin(name)

    def _reset(self) -> None:
        """Use a new lock: of a parent's threads none exists in a fork, so none has a claim."""
        self._lock = reentrant_lock(Rank.HOST)
        self._start = None
        self._loading.clear()
        for entry in self._entries.values():
            if entry.claim is not None and entry.claim.thread != threading.get_ident():
                self._release(entry, entry.claim)
