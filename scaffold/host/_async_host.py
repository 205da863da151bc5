"""The host for an event loop: `Host` with awaited methods."""

import math
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from scaffold._closing import AsyncCloseOnExit
from scaffold._concurrency.finish_cancelled import run_to_completion
from scaffold._concurrency.forks import reset_after_fork
from scaffold.contract._context.events import EventBus
from scaffold.contract._context.telemetry import Metrics, Tracer
from scaffold.contract._hooks.channel import AsyncChannel
from scaffold.contract._hooks.dispatcher import AsyncDispatcher
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import AsyncClient
from scaffold.host._concurrency.thread_pool import async_run_in_parallel
from scaffold.host._concurrency.waiting import (
    POLL_INTERVAL,
    CloseOnce,
    async_wait_until,
)
from scaffold.host._dispatch.dispatchers import AsyncHostRoutes
from scaffold.host._lifecycle.async_lifecycle import AsyncLifecycle
from scaffold.host._lifecycle.file_watcher import FileWatcher
from scaffold.host._lifecycle.start_events import CHECK_SECONDS, OnStarted, Started, check_client
from scaffold.host._middleware import CallTelemetry
from scaffold.host._plugin_context import Listening, in_loop
from scaffold.host._registry.entries import Claim
from scaffold.manifest._compatibility import choose_runtime, untyped_kind
from scaffold.manifest._model import Manifest, Runtime, read_manifest

if TYPE_CHECKING:
    import asyncio

C = TypeVar("C", bound=AsyncClient)
D = TypeVar("D", bound=AsyncDispatcher)
T = TypeVar("T")


class AsyncHost(AsyncCloseOnExit, AsyncLifecycle):
    """Loads plugins and calls them from one event loop; use it in an `async with` statement.

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
        self._dispatchers: list[tuple[AsyncDispatcher, AsyncHostRoutes]] = []
        self._tasks = self._services.tasks
        self._health_every = health_every
        self._watch_every = watch_every
        self._closing = CloseOnce()
        self._watchers: list[asyncio.Task[None]] = []
        reset_after_fork(self._leave_watchers)

    def kind(self, dispatcher: type[D], *, best_effort: Collection[str] = ()) -> D:
        """Register a kind by its generated dispatcher; see `Host.kind`."""
        group = self._kind_group(dispatcher.kind)
        group.best_effort |= set(best_effort)
        self._client_classes.setdefault((group.kind.name, group.major), dispatcher.client)
        routes = AsyncHostRoutes(group, self._tasks)
        bound = dispatcher(routes)
        self._dispatchers.append((bound, routes))
        return bound

    def client(self, name: str, client: type[C]) -> C:
        """Return a client of a plugin that is in use; raise `PluginError` if it is not."""
        return self._others.client(name, client)

    @property
    def event_bus(self) -> EventBus:
        """The event bus that plugins have in their context. This event loop calls the handlers."""
        import asyncio

        deliver = in_loop(asyncio.get_running_loop(), self._tasks, "host")
        return Listening(self._services.events, deliver)

    async def start(self, progress: OnStarted | None = None) -> None:
        """Start the registered plugins; see `Host.start`.

        A cancellation closes the plugins that are not ready; they can be started again.
        """
        import asyncio

        while True:
            with self._registry.starting(asyncio.current_task()) as claim:
                if claim is not None:
                    await self._start(claim, progress)
                    break
            await asyncio.sleep(POLL_INTERVAL)
        self._start_periodic_work()

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

    async def check(self) -> None:
        """Check the health of every plugin in use; see `Host.check`."""
        used = [entry for entry in self._registry.entries.values() if entry.loaded is not None]
        before = [entry.state for entry in used]
        async with aclosing(async_run_in_parallel(self._check, used)) as checked:
            async for _ in checked:
                pass
        if before != [entry.state for entry in used]:
            self._rebind_dispatchers()

    @override
    async def aclose(self) -> None:
        """Close every plugin, the last one first, even if some fail; then raise the last failure.

        See `Host.close`. A cancellation is raised once everything is closed.
        """
        import asyncio

        if self._closing.is_around:
            return
        with self._closing.turn() as mine:
            if mine:
                used = self._registry.plugins.values()
                # A hook of a plugin may close the host: what it waits for must not wait for it.
                own = {loaded.manifest.name: loaded.in_flight.own() for loaded in used}
                await run_to_completion(self._close(asyncio.current_task(), own))
            else:
                await self._closing.wait_async()

    async def _close(self, task: "asyncio.Task[Any] | None", own: Mapping[str, int]) -> None:
        import asyncio

        self._registry.close()
        watchers = set(self._watchers) - {task}
        for watcher in watchers:
            watcher.cancel()
        async with AsyncExitStack() as stack:
            stack.callback(self._rebind_dispatchers)
            stack.callback(self._storage.close)
            if self._services.forks is not None:
                stack.push_async_callback(asyncio.to_thread, self._services.forks.close)
            stack.push_async_callback(self._services.abandoned_work.wait_async, CHECK_SECONDS)
            stack.push_async_callback(self._end_all, own)
            if watchers:
                await asyncio.wait(watchers, timeout=CHECK_SECONDS)
            await self._tasks.close(CHECK_SECONDS)
            await async_wait_until(lambda: not self._registry.busy(task), CHECK_SECONDS)

    async def _end_all(self, own: Mapping[str, int]) -> None:
        async with AsyncExitStack() as stack:
            for loaded in self._registry.take_all():
                but = own.get(loaded.manifest.name, 0)
                stack.push_async_callback(self._end, loaded, but=but)

    async def _start(self, claim: Claim, progress: OnStarted | None) -> None:
        groups = self._plan_start(claim)
        total = sum(map(len, groups))
        done = 0
        start = partial(self._timed_start, claim)
        try:
            for group in groups:
                async with aclosing(async_run_in_parallel(start, group)) as started:
                    async for entry, seconds in started:
                        done += 1
                        if progress is not None:
                            progress(Started(entry.status, seconds, done, total))
        finally:
            self._rebind_dispatchers()

    @override
    def _rebind_dispatchers(self) -> None:
        for group in self._kinds.values():
            group.refresh()
        for dispatcher, routes in list(self._dispatchers):
            dispatcher.bind(routes)

    @override
    def _observe(self, observation: CallTelemetry) -> None:
        self._middleware.add(observation.call_async, None, None, math.inf)

    async def _load(
        self,
        manifest: Manifest,
        kind: Kind,
        runtime: Runtime | None,
        make: Callable[[AsyncChannel], T],
    ) -> T:
        picked = choose_runtime(manifest, runtime)
        import asyncio

        with self._registry.loading(manifest.name, asyncio.current_task()) as claim:
            client = await self._open(manifest, kind, picked, make, claim=claim)
        self._rebind_dispatchers()
        self._start_periodic_work()
        return client

    def _start_periodic_work(self) -> None:
        """Start the checks of health and files that the host was asked for, once."""
        if self._watchers:
            return
        if self._health_every is not None:
            self._repeat(self._health_every, self.check)
        if self._watch_every is not None:
            self._repeat(
                self._watch_every, partial(self._reload_changed, FileWatcher(self._registry))
            )

    def _repeat(self, pause: float, work: Callable[[], Awaitable[None]]) -> None:
        import asyncio

        async def repeat() -> None:
            while True:
                await asyncio.sleep(pause)
                await work()

        self._watchers.append(asyncio.create_task(repeat()))

    async def _reload_changed(self, watch: FileWatcher) -> None:
        import asyncio

        for name in await asyncio.to_thread(watch.changed):
            with watch.telling(name):
                await self.reload(name, keep=True)

    def _leave_watchers(self) -> None:
        self._watchers = []
