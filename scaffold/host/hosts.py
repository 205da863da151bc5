"""The application's side: load plugins, call them by kind or by name, and close everything."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from inspect import iscoroutinefunction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from typing_extensions import override

from scaffold.contract.channel import Channel
from scaffold.contract.events import EventBus
from scaffold.contract.hook import Kind
from scaffold.contract.plugin import Client
from scaffold.contract.routes import Dispatcher
from scaffold.contract.telemetry import Metrics, Tracer
from scaffold.host.events import Listening, in_threads
from scaffold.host.kinds import kind_of
from scaffold.host.life import Life
from scaffold.host.lifecycle import AT_ONCE, CHECK_SECONDS, OnStarted, Started, check_client
from scaffold.host.manifest import Manifest, read_manifest
from scaffold.host.middleware import Middleware
from scaffold.host.observation import Observation
from scaffold.host.registry import Entry
from scaffold.host.routes import HostRoutes
from scaffold.host.runtimes import choose
from scaffold.host.watch import Watch

__all__ = ["Host"]

C = TypeVar("C", bound=Client)
D = TypeVar("D", bound=Dispatcher)
T = TypeVar("T")


class Host(Life):
    """Loads plugins and calls them from any thread; use it in a `with` statement.

    Every plugin is known by its manifest's name: `host["demo"]`. `facts` are what all plugins find
    in their context's metadata; `health_every` is the pause between checks of their health, in
    seconds, and `None` leaves the checks to whoever calls `check`; `fork_server` starts processes
    of Python as forks of one that has imported what they need. `watch_every`, for development, is
    the pause between looks at the files of plugins: those that have changed are reloaded. `storage`
    is the folder for what plugins keep, a temporary one by default. `metrics` and `tracer` hear of
    every call.
    """

    def __init__(
        self,
        facts: dict[str, Any] | None = None,
        *,
        health_every: float | None = None,
        watch_every: float | None = None,
        fork_server: bool = False,
        storage: Path | str | None = None,
        metrics: Metrics | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        super().__init__(
            facts, fork_server=fork_server, storage=storage, metrics=metrics, tracer=tracer
        )
        self._dispatchers: list[tuple[Dispatcher, HostRoutes]] = []
        self._post = self._services.post
        self._binding = threading.Lock()
        self._ended = threading.Event()
        self._health_every = health_every
        self._watch_every = watch_every
        self._watchers: list[threading.Thread] = []

    def kind(self, dispatcher: type[D], *, best_effort: Collection[str] = ()) -> D:
        """Register a kind by its generated dispatcher, and return what calls all its plugins.

        `best_effort` names collecting hooks that leave out plugins which fail. Register kinds
        before their plugins. Use the result after `start`; it follows every later change.
        """
        kinship = self._kinship(dispatcher.kind)
        kinship.best_effort |= set(best_effort)
        self._makers.setdefault((kinship.kind.name, kinship.major), dispatcher.client)
        routes = HostRoutes(kinship, self._post)
        with self._binding:
            bound = dispatcher(routes)
            self._dispatchers.append((bound, routes))
        return bound

    def client(self, name: str, client: type[C]) -> C:
        """Return a client of one plugin in use; raise `PluginError` if there is none such."""
        return self._others.client(name, client)

    @property
    def event_bus(self) -> EventBus:
        """The bus that plugins have in their context; handlers are called in threads."""
        return Listening(self._services.events, in_threads(self._post, "host", lambda sent: sent))

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
        self._look_after()

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

    def close(self) -> None:
        """Close every plugin, the last one first, even if some fail; then raise the last failure.

        May be repeated.
        """
        self._ended.set()
        self._post.close(CHECK_SECONDS)
        with ExitStack() as stack:
            stack.callback(self._storage.close)
            if self._services.forks is not None:
                stack.callback(self._services.forks.close)
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

    @override
    def _observe(self, observation: Observation) -> None:
        self._around.add(observation.call, None, None, math.inf)

    @override
    def _check_middleware(self, middleware: Middleware) -> None:
        if iscoroutinefunction(middleware):
            raise TypeError("the middleware of a Host is a plain function; AsyncHost awaits it")

    def _take(
        self, manifest: Manifest, kind: Kind, runtime: str | None, make: Callable[[Channel], T]
    ) -> T:
        picked = choose(manifest, runtime)
        with self._registry.taking(manifest.name):
            client = self._open(manifest, kind, picked, make)
        self._changed()
        self._look_after()
        return client

    def _look_after(self) -> None:
        """Begin to look after plugins, if the host is to and does not yet."""
        with self._binding:
            if self._watchers:
                return
            if self._health_every is not None:
                self._repeat(self._health_every, self.check)
            if self._watch_every is not None:
                watch = Watch(self._registry)
                self._repeat(self._watch_every, lambda: self._reload_changed(watch))

    def _repeat(self, pause: float, work: Callable[[], None]) -> None:
        def repeat() -> None:
            while not self._ended.wait(pause):
                work()

        thread = threading.Thread(target=repeat, name="plugin-watch", daemon=True)
        self._watchers.append(thread)
        thread.start()

    def _reload_changed(self, watch: Watch) -> None:
        for name in watch.changed():
            with watch.telling(name):
                self.reload(name, keep=True)

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
