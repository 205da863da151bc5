"""The host for threads: loads plugins, calls them by kind or by name, and closes them."""

from collections.abc import Callable, Collection, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from scaffold._closing import CloseOnExit
from scaffold._concurrency.blocking_coroutines import run
from scaffold.contract._context.events import EventBus
from scaffold.contract._hooks.channel import Channel
from scaffold.contract._hooks.dispatcher import Dispatcher
from scaffold.contract._hooks.hook import Hook, Kind
from scaffold.contract._hooks.plugin import Client, Plugin
from scaffold.host._concurrency.background_work import PeriodicThreads
from scaffold.host._concurrency.thread_pool import run_in_parallel
from scaffold.host._concurrency.waiting import wait_until
from scaffold.host._dispatch.dispatchers import HostRoutes
from scaffold.host._in_process.channel import InProcessChannel
from scaffold.host._in_process.plugin_channel import CALLS_GRACE_PERIOD
from scaffold.host._lifecycle.driver import Driver, PeriodicWorks, Work
from scaffold.host._lifecycle.leaks import LeakReport
from scaffold.host._lifecycle.lifecycle import OnStarted
from scaffold.host._lifecycle.registration import Registration
from scaffold.host._plugin_context import HostServices, Listening, PluginEnvironment, in_threads
from scaffold.host._runtimes.open_channel import open_channel
from scaffold.manifest._compatibility import check_client, untyped_kind
from scaffold.manifest._model import Manifest, Runtime, read_manifest

C = TypeVar("C", bound=Client)
D = TypeVar("D", bound=Dispatcher)
T = TypeVar("T")


class _ThreadDriver(Driver[Channel]):
    """Waits on the calling thread: no coroutine that awaits one of these methods suspends."""

    awaits = False

    def __init__(self, services: HostServices) -> None:
        self._services = services
        self._periodic = PeriodicThreads()

    @property
    @override
    def task(self) -> None:
        return None

    @override
    async def open_channel(
        self, environment: PluginEnvironment, kind: Kind, runtime: Runtime, plugin: Plugin | None
    ) -> Channel:
        return open_channel(environment, kind, runtime, plugin)

    @override
    async def close_channel(
        self, channel: Channel, grace_period: float = CALLS_GRACE_PERIOD, but: int = 0
    ) -> None:
        if isinstance(channel, InProcessChannel):
            channel.close(landing=grace_period)
        else:
            channel.close()

    @override
    async def check(self, channel: Channel, probe: Hook[None, Any] | None, seconds: float) -> None:
        if isinstance(channel, InProcessChannel):
            channel.check(seconds)
        elif probe is not None:
            channel.bind(probe)(None)

    @override
    async def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        return wait_until(condition, seconds)

    @override
    async def for_each(
        self, work: Work[[T]], plugins: Sequence[T], done: Callable[[T, float], object]
    ) -> None:
        leftovers = self._services.abandoned_work
        run_in_parallel(lambda plugin: run(work, plugin), plugins, done, leftovers)

    @override
    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        return await work

    @override
    async def in_thread(self, work: Callable[[], T]) -> T:
        return work()

    @override
    async def end_background_calls(self, seconds: float) -> None:
        self._services.background_calls.close(seconds)

    @override
    def start_periodic_work(self, works: PeriodicWorks) -> None:
        self._periodic.start(lambda: [(pause, partial(run, work)) for pause, work in works()])

    @override
    def end_periodic_work(self) -> None:
        self._periodic.end()

    @override
    async def join_periodic_work(self) -> None:
        self._periodic.join()


class Host(CloseOnExit, Registration[Channel]):
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

    _driver_class = _ThreadDriver

    def kind(self, dispatcher: type[D], *, best_effort: Collection[str] = ()) -> D:
        """Register a kind by its generated dispatcher, and return the dispatcher.

        Register kinds before their plugins. The dispatcher works after `start`, and always calls
        the plugins that are in use at that moment.

        Args:
            dispatcher: The generated class, such as `ToolDispatcher`.
            best_effort: Names of `broadcast_collect` hooks whose result leaves out plugins that
                fail, instead of raising their error.
        """
        group = self._group(dispatcher.kind, best_effort)
        routes = HostRoutes(group, self._services.background_calls)
        return self._dispatchers.add(dispatcher, routes, dispatcher.client)

    @property
    def event_bus(self) -> EventBus:
        """The event bus that plugins have in their context. Threads call the handlers."""
        deliver = in_threads(self._services.background_calls, "host", lambda sent: sent)
        return Listening(self._services.events, deliver)

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
        run(self._lifecycle.start, progress)
        self._supervision.start()

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

    def reload(self, name: str, *, cancel: bool = False, keep: bool = False) -> LeakReport:
        """Reload a plugin: tear it down, read its manifest and code again, and set it up.

        The modules in the plugin's folder are imported again. If that fails, the plugin stays in
        use. The host waits for calls in flight, and refuses new calls until the new instance is
        ready. Clients and dispatchers then use the new instance.

        Args:
            name: The name of the plugin.
            cancel: True to cut off calls in flight, instead of waiting up to
                `teardown_timeout_sec` for them.
            keep: True to set up the new instance first, for development. If that fails, the
                running instance stays in use. No call is refused, but for a moment there are two
                instances.

        Returns what the old instance has left behind in this process.

        Raises:
            PluginError: Calls did not end in time, and the plugin is used as before; or it cannot
                be torn down or started, and is unavailable.
        """
        return run(self._reloader.reload, name, cancel=cancel, keep=keep)

    def check(self) -> None:
        """Check the health of every plugin in use, and update their states.

        A plugin that fails becomes `degraded`, and `unavailable` after three failures in a row. It
        is used again after its next success.
        """
        run(self._supervision.check)

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
        run(self._lifecycle.close)

    def _load(
        self, manifest: Manifest, kind: Kind, runtime: Runtime | None, make: Callable[[Channel], T]
    ) -> T:
        made = run(self._lifecycle.load, manifest, kind, runtime, make)
        self._supervision.start()
        return made
