"""The host for threads: loads plugins, calls them by kind or by name, and closes them."""

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
from scaffold.host._concurrency.background_work import PeriodicWork
from scaffold.host._concurrency.thread_pool import run_in_parallel
from scaffold.host._concurrency.waiting import POLL_INTERVAL, CloseOnce, wait_until
from scaffold.host._dispatch.dispatchers import HostRoutes
from scaffold.host._lifecycle.file_watcher import FileWatcher
from scaffold.host._lifecycle.lifecycle import Lifecycle
from scaffold.host._lifecycle.start_events import CHECK_SECONDS, OnStarted, Started, check_client
from scaffold.host._middleware import CallTelemetry, Middleware
from scaffold.host._plugin_context import Listening, in_threads
from scaffold.host._registry.entries import Claim
from scaffold.manifest._compatibility import choose_runtime, untyped_kind
from scaffold.manifest._model import Manifest, Runtime, read_manifest

C = TypeVar("C", bound=Client)
D = TypeVar("D", bound=Dispatcher)
T = TypeVar("T")


class Host(CloseOnExit, Lifecycle):
    """Loads plugins and calls them from any thread; use it in a `with` statement.

    A plugin is known by the name in its manifest: `host["demo"]`.

    Args:
        facts: Data about the host that every plugin finds in its context's metadata.
        health_every: Seconds between two health checks. `None` makes none; call `check` yourself.
        watch_every: Seconds between two looks at the files of plugins, for development. A plugin
            whose files have changed is reloaded.
        fork_server: True to start Python processes as forks of one that has imported their modules.
        storage: The folder for blobs and checkpoints of plugins. The default is a temporary folder.
        metrics: Receives the number, duration and errors of all calls.
        tracer: Receives a span for every call.
        secrets: The environment variables that manifests may name, or the secrets themselves, by
            the names that manifests use. The default is every variable that begins with `PLUGIN_`.

    Example:
        with Host() as host:
            tools = host.kind(ToolDispatcher)
            host.discover("plugins")
            host.start()
            tools.execute(ExecuteInput(function="say", args={}))
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
        """Register a kind by its generated dispatcher, and return the dispatcher.

        Register kinds before their plugins. The dispatcher works after `start`, and always calls
        the plugins that are in use at that moment.

        Args:
            dispatcher: The generated class, such as `ToolDispatcher`.
            best_effort: Names of `broadcast_collect` hooks whose result leaves out plugins that
                fail, instead of raising their error.
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
        """Return a client of a plugin that is in use; raise `PluginError` if it is not."""
        return self._others.client(name, client)

    @property
    def event_bus(self) -> EventBus:
        """The event bus that plugins have in their context. Threads call the handlers."""
        return Listening(
            self._services.events, in_threads(self._background_calls, "host", lambda sent: sent)
        )

    def start(self, progress: OnStarted | None = None) -> None:
        """Start the registered plugins: by runtime, then dependency, then priority (ADR-0002).

        Plugins that do not depend on each other start in parallel. A plugin that fails becomes
        `unavailable`, as do the plugins that depend on it; `status` has the reason. Call it again
        for plugins that were registered later. A second thread waits until the first has finished.
        An interruption leaves plugins that were not ready registered.

        Args:
            progress: Called with a `Started` after each plugin.

        Raises:
            DependencyCycle: Plugins depend on each other; none was started.
            AmbiguousPlugin: Two plugins have equal rank; none was started.
            PluginError: The host is closed.
        """
        while True:
            with self._registry.starting() as claim:
                if claim is not None:
                    self._start(claim, progress)
                    break
            time.sleep(POLL_INTERVAL)
        self._start_periodic_work()

    def load(self, folder: Path | str, client: type[C], *, runtime: Runtime | None = None) -> C:
        """Load one plugin, start it, and return a client of it.

        Args:
            folder: The plugin's folder, or its manifest file.
            client: The generated class, such as `ToolClient`.
            runtime: How to reach the plugin. The default is the first of `in_process`, `mcp_stdio`
                and `mcp_http` that the plugin offers.

        Raises:
            ManifestInvalid: The manifest is missing or wrong.
            RuntimeNotSupported: The plugin does not offer the runtime, or the host cannot use it.
            PluginLoadError: Its code cannot be imported, or its `setup` failed.
            PluginError: The client is for another kind, or the name is taken.
            TransportError: Its process or service does not answer.
        """
        manifest = read_manifest(Path(folder))
        check_client(manifest, client)
        return self._load(manifest, client.kind, runtime, client)

    def open(self, folder: Path | str, runtime: Runtime | None = None) -> Channel:
        """Load a plugin without generated bindings, and return its channel; payloads are JSON.

        The channel binds the hooks in `host[name].kind.hooks`. Arguments and errors are those of
        `load`.
        """
        manifest = read_manifest(Path(folder))
        return self._load(manifest, untyped_kind(manifest), runtime, lambda channel: channel)

    def check(self) -> None:
        """Check the health of every plugin in use, and update their states.

        A plugin that fails becomes `degraded`, and `unavailable` after three failures in a row. It
        is used again after its next success.
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

        The host refuses new calls at once. It waits a few seconds for calls in flight, and for
        loads, starts and reloads of other threads. Afterwards it starts nothing more. It may be
        called again, and from a signal handler.

        Raises:
            PluginError: A teardown failed, or an async hook of a plugin in this process called
                `close`: it would wait for its own end.
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
        """Start the checks of health and files that the host was asked for, once."""
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
