"""The application's side: load plugins, call them by kind or by name, and close everything."""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from typing_extensions import override

from scaffold.contract.channel import Channel
from scaffold.contract.errors import PluginError
from scaffold.contract.failure import FAILURES
from scaffold.contract.hook import Kind
from scaffold.contract.plugin import Client, Plugin
from scaffold.contract.routes import Dispatcher
from scaffold.host.flights import Flights
from scaffold.host.in_process import InProcessChannel
from scaffold.host.kinds import kind_of
from scaffold.host.lifecycle import (
    AT_ONCE,
    CHECK_SECONDS,
    OnStarted,
    Started,
    check_client,
    did_not_land,
    failure,
    fresh,
    left_behind,
    made,
    not_in_use,
    probe,
)
from scaffold.host.mailbox import Post
from scaffold.host.manifest import Manifest, read_manifest
from scaffold.host.registry import Entry, LoadedPlugin, State
from scaffold.host.roster import Roster
from scaffold.host.routes import HostRoutes
from scaffold.host.runtimes import channel_to, choose, runtime_of

__all__ = ["Host"]

C = TypeVar("C", bound=Client)
D = TypeVar("D", bound=Dispatcher)
T = TypeVar("T")


class Host(Roster[Channel]):
    """Loads plugins and calls them from any thread; use it in a `with` statement.

    Every plugin is known by its manifest's name: `host["demo"]`. `facts` are what all plugins find
    in their context's metadata; `health_every` is the pause between checks of their health, in
    seconds, and `None` leaves the checks to whoever calls `check`; `fork_server` starts processes
    of Python as forks of one that has imported what they need.
    """

    def __init__(
        self,
        facts: dict[str, Any] | None = None,
        *,
        health_every: float | None = None,
        fork_server: bool = False,
    ) -> None:
        super().__init__(facts, fork_server=fork_server)
        self._dispatchers: list[tuple[Dispatcher, HostRoutes]] = []
        self._clients: dict[tuple[str, int], type[Client]] = {}
        self._post = Post()
        self._binding = threading.Lock()
        self._ended = threading.Event()
        self._health_every = health_every
        self._watcher: threading.Thread | None = None

    def kind(self, dispatcher: type[D], *, best_effort: Collection[str] = ()) -> D:
        """Register a kind by its generated dispatcher, and return what calls all its plugins.

        `best_effort` names collecting hooks that leave out plugins which fail. Register kinds
        before their plugins. Use the result after `start`; it follows every later change.
        """
        kinship = self._kinship(dispatcher.kind)
        kinship.best_effort |= set(best_effort)
        self._clients.setdefault((kinship.kind.name, kinship.major), dispatcher.client)
        routes = HostRoutes(kinship, self._post)
        with self._binding:
            bound = dispatcher(routes)
            self._dispatchers.append((bound, routes))
        return bound

    def client(self, name: str, client: type[C]) -> C:
        """Return a client of one plugin in use; raise `PluginError` if there is none such."""
        return self._others.client(name, client)

    def start(self, progress: OnStarted | None = None) -> None:
        """Start what is registered: by runtime, then dependence, then priority (ADR-0002).

        Plugins that do not depend on each other start side by side. One that fails is
        `unavailable`, as are those that depend on it; `status` says why. Raises `DependencyCycle`
        or `AmbiguousPlugin` before anything is started. May be repeated for what came later.
        """
        groups = self._planned()
        total = sum(map(len, groups))
        done = 0
        for group in groups:
            for entry, seconds in _side_by_side(self._timed_start, group):
                done += 1
                if progress is not None:
                    progress(Started(entry.status, seconds, done, total))
        self._changed()
        if self._health_every is not None and self._watcher is None:
            self._watcher = threading.Thread(
                target=self._watch, args=(self._health_every,), name="plugin-health", daemon=True
            )
            self._watcher.start()

    def load(self, folder: Path | str, client: type[C], *, runtime: str | None = None) -> C:
        """Load the plugin in a folder, or of a manifest file, and return a client of it.

        The host takes the first of `in_process`, `mcp_stdio` and `mcp_http` that the plugin offers,
        or the `runtime` asked for. Raises `ManifestInvalid`, `RuntimeNotSupported`,
        `PluginLoadError`, `PluginError` if the client is for another kind or the name is taken, or
        a `TransportError`.
        """
        manifest = read_manifest(Path(folder))
        check_client(manifest, client)
        return self._take(manifest, client.kind, runtime, client)

    def open(self, folder: Path | str, runtime: str | None = None) -> Channel:
        """Load a plugin without bindings of its kind: payloads are plain JSON.

        `host[name].kind.hooks` are what the channel binds. Raises as `load` does.
        """
        manifest = read_manifest(Path(folder))
        return self._take(manifest, kind_of(manifest), runtime, lambda channel: channel)

    def check(self) -> None:
        """Ask every plugin in use how it is, and note what has changed.

        One that fails is `degraded`, and not used after three times in a row; one that is well
        again is used again.
        """
        used = [entry for entry in self._registry.entries.values() if entry.loaded is not None]
        before = [entry.state for entry in used]
        deque(_side_by_side(self._check, used), maxlen=0)
        if before != [entry.state for entry in used]:
            self._changed()

    def reload(self, name: str, *, cancel: bool = False) -> None:
        """Tear a plugin down, and set a fresh one up by its manifest, read again.

        Calls under way are waited for, as long as a teardown may take, or cut off with `cancel`;
        new ones are refused meanwhile. Raises `PluginError` if calls did not end, which leaves the
        plugin as it was; or if it cannot be torn down or started, which leaves it unavailable.
        """
        entry = self._registry.entries.get(name)
        loaded = entry.loaded if entry is not None else None
        if entry is None or loaded is None:
            raise not_in_use(name)
        manifest = fresh(entry)
        state, entry.state = entry.state, State.REGISTERED
        loaded.flights.closed = True
        self._changed()
        try:
            seconds = loaded.manifest.teardown_timeout_sec
            if not cancel and not loaded.flights.landed(seconds):
                entry.state, loaded.flights.closed = state, False
                raise did_not_land(name, loaded.flights.count(), seconds)
            self._registry.drop(name)
            self._end(loaded)
            entry.manifest, entry.state = manifest, State.REGISTERED
            self._begin(entry, loaded)
        finally:
            self._changed()

    def close(self) -> None:
        """Close every plugin, the last one first, even if some fail; then raise the last failure.

        May be repeated.
        """
        self._ended.set()
        self._post.close(CHECK_SECONDS)
        with ExitStack() as stack:
            if self._forks is not None:
                stack.callback(self._forks.close)
            for loaded in self._registry.empty():
                stack.callback(self._end, loaded)
        self._changed()

    @override
    def _changed(self) -> None:
        with self._binding:  # who comes last has seen all changes
            for kinship in self._kinds.values():
                kinship.renew()
            for dispatcher, routes in self._dispatchers:
                dispatcher.bind(routes)

    def _take(
        self, manifest: Manifest, kind: Kind, runtime: str | None, make: Callable[[Channel], T]
    ) -> T:
        picked = choose(manifest, runtime)
        with self._registry.taking(manifest.name), ExitStack() as undo:
            undo.callback(self._give_back, manifest.name)
            channel = channel_to(manifest, kind, picked, self._context(manifest), forks=self._forks)
            undo.callback(channel.close)
            client = make(channel)
            self._keep(manifest, kind, channel, client if isinstance(client, Plugin) else None)
            undo.pop_all()
        self._changed()
        return client

    def _timed_start(self, entry: Entry[Channel]) -> None:
        try:
            self._begin(entry)
        except FAILURES:
            return

    def _begin(self, entry: Entry[Channel], before: LoadedPlugin[Channel] | None = None) -> None:
        """Start a plugin, as it was before; or note why it cannot be started, and raise that."""
        manifest = entry.manifest
        assert manifest is not None
        try:
            self._check_needed(manifest)
            kind = self._kind(manifest) if before is None else before.kind
            runtime = self._runtime(manifest, kind, before.runtime if before else None)
            context = self._context(manifest)
            channel = channel_to(manifest, kind, runtime, context, made(entry), forks=self._forks)
            make = self._clients.get((kind.name, manifest.major))
            self._keep(manifest, kind, channel, make(channel) if make else None)
        except FAILURES as error:
            self._give_back(entry.name)
            self._registry.drop(entry.name, failure(entry.name, error))
            raise

    def _keep(
        self, manifest: Manifest, kind: Kind, channel: Channel, client: Plugin | None
    ) -> None:
        flights = channel.flights if isinstance(channel, InProcessChannel) else Flights()
        runtime = runtime_of(channel)
        self._registry.keep(LoadedPlugin(manifest, kind, runtime, channel, client, flights))

    def _end(self, loaded: LoadedPlugin[Channel]) -> None:
        name = loaded.manifest.name
        try:
            loaded.channel.close()
        except PluginError as error:
            entry = self._registry.entries[name]
            entry.state = State.LEAKED if left_behind(error) else State.UNAVAILABLE
            entry.reason = error.reason
            raise
        finally:
            self._give_back(name)

    def _check(self, entry: Entry[Channel]) -> None:
        loaded = entry.loaded
        if loaded is None:
            return
        try:
            if isinstance(loaded.channel, InProcessChannel):
                loaded.channel.check(CHECK_SECONDS)
            elif (hook := probe(loaded.kind)) is not None:
                loaded.channel.bind(hook)(None)
        except FAILURES as error:
            entry.sicken(error)
        else:
            entry.recover()

    def _watch(self, pause: float) -> None:
        while not self._ended.wait(pause):
            self.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _side_by_side(
    work: Callable[[Entry[Channel]], None], entries: list[Entry[Channel]]
) -> Iterable[tuple[Entry[Channel], float]]:
    """Do the work for all entries, in threads if there are several; yield each with its seconds."""

    def timed(entry: Entry[Channel]) -> tuple[Entry[Channel], float]:
        start = time.monotonic()
        work(entry)
        return entry, time.monotonic() - start

    if len(entries) == 1:
        yield timed(entries[0])
        return
    with ThreadPoolExecutor(AT_ONCE, "plugin-start") as pool:
        yield from pool.map(timed, entries)
