"""The application's side: load plugins, call them by kind or by name, and close everything."""

import math
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, closing
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from scaffold._closing import CloseOnExit
from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold.contract._context.events import EventBus
from scaffold.contract._context.telemetry import Metrics, Tracer
from scaffold.contract._hooks.channel import Channel
from scaffold.contract._hooks.dispatcher import Dispatcher
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Client
from scaffold.host._concurrency.close_once import CloseOnce
from scaffold.host._concurrency.parallel import run_in_parallel
from scaffold.host._concurrency.periodic import PeriodicWork
from scaffold.host._concurrency.polling import POLL_INTERVAL, wait_until
from scaffold.host._context.event_bus import Listening, in_threads
from scaffold.host._dispatch.dispatchers import HostRoutes
from scaffold.host._lifecycle.file_watcher import FileWatcher
from scaffold.host._lifecycle.lifecycle import Lifecycle
from scaffold.host._lifecycle.start_events import CHECK_SECONDS, OnStarted, Started, check_client
from scaffold.host._middleware.call_telemetry import CallTelemetry
from scaffold.host._middleware.middleware import Middleware
from scaffold.host._registry.entries import Claim
from scaffold.manifest._model import Manifest, Runtime, read_manifest
from scaffold.manifest._runtime_choice import choose_runtime
from scaffold.manifest._untyped_kind import untyped_kind

__all__ = ["Host"]

C = TypeVar("C", bound=Client)
D = TypeVar("D", bound=Dispatcher)
T = TypeVar("T")


class Host(CloseOnExit, Lifecycle):
    """Loads plugins and calls them from any thread; use it in a `with` statement.

    Every plugin is known by its manifest's name: `host["demo"]`. `facts` are what all plugins find
    in their context's metadata; `health_every` is the pause between checks of their health, in
    seconds, and `None` leaves the checks to whoever calls `check`; `fork_server` starts processes
    of Python as forks of one that has imported what they need. `watch_every`, for development, is
    the pause between looks at the files of plugins: those that have changed are reloaded. `storage`
    is the folder for what plugins keep, a temporary one by default. `metrics` and `tracer` hear of
    every call. `secrets` are the environment variables that manifests may name, or secrets by the
    names that manifests use; without it, variables whose names begin with `PLUGIN_`.
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
        secrets: Collection[str] | Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            facts,
            fork_server=fork_server,
            storage=storage,
            metrics=metrics,
            tracer=tracer,
            secrets=secrets,
        )
        self._dispatchers: list[tuple[Dispatcher, HostRoutes]] = []
        self._background_calls = self._services.background_calls
        self._closing = CloseOnce()
        self._periodic_work = PeriodicWork()
        self._health_every = health_every
        self._watch_every = watch_every
        self._unlock()
        reset_after_fork(self._unlock)

    def kind(self, dispatcher: type[D], *, best_effort: Collection[str] = ()) -> D:
        """Register a kind by its generated dispatcher, and return what calls all its plugins.

        `best_effort` names collecting hooks that leave out plugins which fail. Register kinds
        before their plugins. Use the result after `start`; it follows every later change.
        """
        group = self._kind_group(dispatcher.kind)
        group.best_effort |= set(best_effort)
        self._client_classes.setdefault((group.kind.name, group.major), dispatcher.client)
        routes = HostRoutes(group, self._background_calls)
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
        return Listening(
            self._services.events, in_threads(self._background_calls, "host", lambda sent: sent)
        )

    def start(self, progress: OnStarted | None = None) -> None:
        """Start what is registered: by runtime, then dependence, then priority (ADR-0002).

        Plugins that do not depend on each other start side by side. One that fails is
        `unavailable`, as are those that depend on it; `status` says why. Raises `DependencyCycle`
        or `AmbiguousPlugin` before anything is started. May be repeated for what came later.

        If another thread is starting plugins, this waits for it first. An interruption leaves
        plugins that were not ready as they were registered. Raises `PluginError` if the host is
        closed.
        """
        while True:
            with self._registry.starting() as claim:
                if claim is not None:
                    self._start(claim, progress)
                    break
            time.sleep(POLL_INTERVAL)
        self._start_periodic_work()

    def load(self, folder: Path | str, client: type[C], *, runtime: Runtime | None = None) -> C:
        """Load the plugin in a folder, or of a manifest file, and return a client of it.

        The host takes the first of `in_process`, `mcp_stdio` and `mcp_http` that the plugin offers,
        or the `runtime` asked for. Raises `ManifestInvalid`, `RuntimeNotSupported`,
        `PluginLoadError`, `PluginError` if the client is for another kind or the name is taken, or
        a `TransportError`.
        """
        manifest = read_manifest(Path(folder))
        check_client(manifest, client)
        return self._load(manifest, client.kind, runtime, client)

    def open(self, folder: Path | str, runtime: Runtime | None = None) -> Channel:
        """Load a plugin without bindings of its kind: payloads are plain JSON.

        `host[name].kind.hooks` are what the channel binds. Raises as `load` does.
        """
        manifest = read_manifest(Path(folder))
        return self._load(manifest, untyped_kind(manifest), runtime, lambda channel: channel)

    def check(self) -> None:
        """Ask every plugin in use how it is, and note what has changed.

        One that fails is `degraded`, and not used after three times in a row; one that is well
        again is used again.
        """
        used = [entry for entry in self._registry.entries.values() if entry.loaded is not None]
        before = [entry.state for entry in used]
        leftovers = self._services.abandoned_work
        deque(run_in_parallel(self._check, used, leftovers), maxlen=0)
        if before != [entry.state for entry in used]:
            self._rebind_dispatchers()

    @override
    def close(self) -> None:
        """Close every plugin, the last one first, even if some fail; then raise the last failure.

        New calls are refused at once. Calls in flight, and loads, starts and reloads of other
        threads, are awaited for a few seconds. Nothing of the host starts afterwards. May be
        repeated, and be called in a signal handler. Raises `PluginError` at once in an async hook
        of a plugin in this process, which would wait for its own end.
        """
        if self._closing.is_around:
            return
        self._refuse_own_loops()
        with self._closing.turn() as mine:
            if mine:
                self._close()
            else:
                self._closing.wait()

    def _close(self) -> None:
        self._registry.close()
        self._periodic_work.end()
        with ExitStack() as stack:
            stack.callback(self._rebind_dispatchers)
            stack.callback(self._storage.close)
            if self._services.forks is not None:
                stack.callback(self._services.forks.close)
            stack.callback(self._periodic_work.join)
            stack.callback(self._services.abandoned_work.wait, CHECK_SECONDS)
            stack.callback(self._end_all)
            self._background_calls.close(CHECK_SECONDS)
            wait_until(lambda: not self._registry.busy(), CHECK_SECONDS)

    def _end_all(self) -> None:
        with ExitStack() as stack:
            for loaded in self._registry.take_all():
                stack.callback(self._end, loaded)

    def _start(self, claim: Claim, progress: OnStarted | None) -> None:
        groups = self._plan_start(claim)
        total = sum(map(len, groups))
        done = 0
        start, leftovers = partial(self._timed_start, claim), self._services.abandoned_work
        try:
            for group in groups:
                with closing(run_in_parallel(start, group, leftovers)) as started:
                    for entry, seconds in started:
                        done += 1
                        if progress is not None:
                            progress(Started(entry.status, seconds, done, total))
        finally:
            self._rebind_dispatchers()

    @override
    def _rebind_dispatchers(self) -> None:
        with self._binding:  # the last one has seen all changes
            for group in self._kinds.values():
                group.refresh()
            for dispatcher, routes in self._dispatchers:
                dispatcher.bind(routes)

    @override
    def _observe(self, observation: CallTelemetry) -> None:
        self._middleware.add(observation.call, None, None, math.inf)

    @override
    def _check_middleware(self, middleware: Middleware) -> None:
        if iscoroutinefunction(middleware):
            raise TypeError("the middleware of a Host is a plain function; AsyncHost awaits it")

    def _load(
        self, manifest: Manifest, kind: Kind, runtime: Runtime | None, make: Callable[[Channel], T]
    ) -> T:
        picked = choose_runtime(manifest, runtime)
        with self._registry.loading(manifest.name) as claim:
            client = self._open(manifest, kind, picked, make, claim=claim)
        self._rebind_dispatchers()
        self._start_periodic_work()
        return client

    def _start_periodic_work(self) -> None:
        """Begin to look after plugins, if the host is to and does not yet."""
        with self._binding:
            if self._periodic_work:
                return
            if self._health_every is not None:
                self._periodic_work.repeat(self._health_every, self.check)
            if self._watch_every is not None:
                watch = FileWatcher(self._registry)
                self._periodic_work.repeat(self._watch_every, lambda: self._reload_changed(watch))

    def _reload_changed(self, watch: FileWatcher) -> None:
        for name in watch.changed():
            with watch.telling(name):
                self.reload(name, keep=True)

    def _unlock(self) -> None:
        # A signal handler may close the host while the code below it registers a plugin.
        self._binding = reentrant_lock(Rank.HOST)
