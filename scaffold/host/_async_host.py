"""The host for an event loop: `Host` with awaited methods."""

from collections.abc import Callable, Collection, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from scaffold._closing import AsyncCloseOnExit
from scaffold._concurrency.finish_cancelled import run_to_completion
from scaffold._concurrency.unsupported import running_loop
from scaffold.contract._context.events import EventBus
from scaffold.contract._hooks.channel import AsyncChannel
from scaffold.contract._hooks.dispatcher import AsyncDispatcher
from scaffold.contract._hooks.hook import Hook, Kind
from scaffold.contract._hooks.plugin import AsyncClient, Plugin
from scaffold.host._concurrency.background_work import PeriodicTasks
from scaffold.host._concurrency.thread_pool import async_run_in_parallel
from scaffold.host._concurrency.time_limit import async_run_in_time
from scaffold.host._concurrency.waiting import async_wait_until
from scaffold.host._dispatch.dispatchers import AsyncHostRoutes
from scaffold.host._in_process.async_channel import AsyncInProcessChannel
from scaffold.host._in_process.plugin_channel import CALLS_GRACE_PERIOD
from scaffold.host._lifecycle.driver import Driver, PeriodicWorks, Work
from scaffold.host._lifecycle.leaks import LeakReport
from scaffold.host._lifecycle.lifecycle import OnStarted
from scaffold.host._lifecycle.registration import Registration
from scaffold.host._plugin_context import HostServices, Listening, PluginEnvironment, in_loop
from scaffold.host._runtimes.open_channel import async_open_channel
from scaffold.manifest._compatibility import check_client, untyped_kind
from scaffold.manifest._model import Manifest, Runtime, read_manifest

if TYPE_CHECKING:
    import asyncio

C = TypeVar("C", bound=AsyncClient)
D = TypeVar("D", bound=AsyncDispatcher)
T = TypeVar("T")


class _LoopDriver(Driver[AsyncChannel]):
    """Waits in the running event loop, and lets its other tasks run meanwhile."""

    awaits = True

    def __init__(self, services: HostServices) -> None:
        self._services = services
        self._periodic = PeriodicTasks()

    @property
    @override
    def task(self) -> "asyncio.Task[Any] | None":
        import asyncio

        return asyncio.current_task()

    @override
    async def open_channel(
        self, environment: PluginEnvironment, kind: Kind, runtime: Runtime, plugin: Plugin | None
    ) -> AsyncChannel:
        return await async_open_channel(environment, kind, runtime, plugin)

    @override
    async def close_channel(
        self, channel: AsyncChannel, grace_period: float = CALLS_GRACE_PERIOD, but: int = 0
    ) -> None:
        if isinstance(channel, AsyncInProcessChannel):
            await channel.aclose(landing=grace_period, but=but)
        else:
            await channel.aclose()

    @override
    async def check(
        self, channel: AsyncChannel, probe: Hook[None, Any] | None, seconds: float
    ) -> None:
        if isinstance(channel, AsyncInProcessChannel):
            await channel.check(seconds)
        elif probe is not None:
            await channel.bind(probe)(None)

    @override
    async def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        return await async_wait_until(condition, seconds)

    @override
    async def for_each(
        self, work: Work[[T]], plugins: Sequence[T], done: Callable[[T, float], object]
    ) -> None:
        await async_run_in_parallel(work, plugins, done)

    @override
    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        return await run_to_completion(work)

    @override
    async def in_thread(self, work: Callable[[], T]) -> T:
        return await async_run_in_time(work)

    @override
    async def end_background_calls(self, seconds: float) -> None:
        await self._services.tasks.close(seconds)

    @override
    def start_periodic_work(self, works: PeriodicWorks) -> None:
        self._periodic.start(works)

    @override
    def end_periodic_work(self) -> None:
        self._periodic.end()

    @override
    async def join_periodic_work(self) -> None:
        await self._periodic.join()


class AsyncHost(AsyncCloseOnExit, Registration[AsyncChannel]):
    """Loads plugins and calls them from one event loop; use it in an `async with` statement.

    A plugin is known by the name in its manifest: `host["demo"]`. Arguments are those of `Host`.

    Example:
        async with AsyncHost() as host:
            tools = host.kind(AsyncToolDispatcher)
            host.discover("plugins")
            await host.start()
            await tools.execute(ExecuteInput(function="say", args={}))
    """

    _driver_class = _LoopDriver

    def kind(self, dispatcher: type[D], *, best_effort: Collection[str] = ()) -> D:
        """Register a kind by its generated dispatcher; see `Host.kind`."""
        group = self._group(dispatcher.kind, best_effort)
        routes = AsyncHostRoutes(group, self._services.tasks)
        return self._dispatchers.add(dispatcher, routes, dispatcher.client)

    @property
    def event_bus(self) -> EventBus:
        """The event bus that plugins have in their context. This event loop calls the handlers."""
        deliver = in_loop(running_loop(), self._services.tasks, "host")
        return Listening(self._services.events, deliver)

    async def start(self, progress: OnStarted | None = None) -> None:
        """Start the registered plugins; see `Host.start`.

        A cancellation closes the plugins that are not ready; they can be started again.
        """
        running_loop()
        await self._lifecycle.start(progress)
        self._supervision.start()

    async def load(
        self, folder: Path | str, client: type[C], *, runtime: Runtime | None = None
    ) -> C:
        """Load a plugin and return a client of it; see `Host.load`."""
        manifest = read_manifest(Path(folder))
        check_client(manifest, client)
        return await self._load(manifest, client.kind, runtime, client)

    async def open(self, folder: Path | str, runtime: Runtime | None = None) -> AsyncChannel:
        """Load a plugin without generated bindings; see `Host.open`."""
        manifest = read_manifest(Path(folder))
        return await self._load(manifest, untyped_kind(manifest), runtime, lambda channel: channel)

    async def reload(self, name: str, *, cancel: bool = False, keep: bool = False) -> LeakReport:
        """Reload a plugin; see `Host.reload`."""
        return await self._reloader.reload(name, cancel=cancel, keep=keep)

    async def check(self) -> None:
        """Check the health of every plugin in use; see `Host.check`."""
        await self._supervision.check()

    @override
    async def aclose(self) -> None:
        """Close every plugin, the last one first, even if some fail; then raise the last failure.

        See `Host.close`. A cancellation is raised once everything is closed.
        """
        running_loop()
        await self._lifecycle.close()

    async def _load(
        self,
        manifest: Manifest,
        kind: Kind,
        runtime: Runtime | None,
        make: Callable[[AsyncChannel], T],
    ) -> T:
        running_loop()
        made = await self._lifecycle.load(manifest, kind, runtime, make)
        self._supervision.start()
        return made
