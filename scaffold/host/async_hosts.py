"""The application's side for an event loop: what `hosts` has, awaited."""

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from typing_extensions import override

from scaffold.contract.channel import AsyncChannel
from scaffold.contract.events import EventBus
from scaffold.contract.hook import Kind
from scaffold.contract.plugin import AsyncClient
from scaffold.contract.routes import AsyncDispatcher
from scaffold.contract.telemetry import Metrics, Tracer
from scaffold.host.async_life import AsyncLife
from scaffold.host.async_routes import AsyncHostRoutes
from scaffold.host.events import Listening, in_loop
from scaffold.host.kinds import kind_of
from scaffold.host.lifecycle import AT_ONCE, CHECK_SECONDS, OnStarted, Started, check_client
from scaffold.host.manifest import Manifest, read_manifest
from scaffold.host.observation import Observation
from scaffold.host.registry import Entry
from scaffold.host.runtimes import choose
from scaffold.host.watch import Watch

if TYPE_CHECKING:
    import asyncio

__all__ = ["AsyncHost"]

C = TypeVar("C", bound=AsyncClient)
D = TypeVar("D", bound=AsyncDispatcher)
T = TypeVar("T")


class AsyncHost(AsyncLife):
    """Loads plugins and calls them from one event loop; use it in an `async with` statement.

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
        self._dispatchers: list[tuple[AsyncDispatcher, AsyncHostRoutes]] = []
        self._tasks = self._services.tasks
        self._health_every = health_every
        self._watch_every = watch_every
        self._watchers: list[asyncio.Task[None]] = []

    def kind(self, dispatcher: type[D], *, best_effort: Collection[str] = ()) -> D:
        """Register a kind by its generated dispatcher; see `Host.kind`."""
        kinship = self._kinship(dispatcher.kind)
        kinship.best_effort |= set(best_effort)
        self._makers.setdefault((kinship.kind.name, kinship.major), dispatcher.client)
        routes = AsyncHostRoutes(kinship, self._tasks)
        bound = dispatcher(routes)
        self._dispatchers.append((bound, routes))
        return bound

    def client(self, name: str, client: type[C]) -> C:
        """Return a client of one plugin in use; raise `PluginError` if there is none such."""
        return self._others.client(name, client)

    @property
    def event_bus(self) -> EventBus:
        """The bus that plugins have in their context; handlers are called in this event loop."""
        import asyncio

        deliver = in_loop(asyncio.get_running_loop(), self._tasks, "host")
        return Listening(self._services.events, deliver)

    async def start(self, progress: OnStarted | None = None) -> None:
        """Start what is registered; see `Host.start`."""
        groups = self._planned()
        total = sum(map(len, groups))
        done = 0
        for group in groups:
            async for entry, seconds in _side_by_side(self._timed_start, group):
                done += 1
                if progress is not None:
                    progress(Started(entry.status, seconds, done, total))
        self._changed()
        self._look_after()

    async def load(self, folder: Path | str, client: type[C], *, runtime: str | None = None) -> C:
        """Load a plugin and return a client of it; see `Host.load`."""
        manifest = read_manifest(Path(folder))
        check_client(manifest, client)
        return await self._take(manifest, client.kind, runtime, client)

    async def open(self, folder: Path | str, runtime: str | None = None) -> AsyncChannel:
        """Load a plugin without bindings of its kind; see `Host.open`."""
        manifest = read_manifest(Path(folder))
        return await self._take(manifest, kind_of(manifest), runtime, lambda channel: channel)

    async def check(self) -> None:
        """Ask every plugin in use how it is; see `Host.check`."""
        used = [entry for entry in self._registry.entries.values() if entry.loaded is not None]
        before = [entry.state for entry in used]
        async for _ in _side_by_side(self._check, used):
            pass
        if before != [entry.state for entry in used]:
            self._changed()

    async def aclose(self) -> None:
        """Close every plugin, the last one first, even if some fail; then raise the last failure.

        May be repeated.
        """
        for watcher in self._watchers:
            watcher.cancel()
        await self._tasks.close(CHECK_SECONDS)
        async with AsyncExitStack() as stack:
            stack.callback(self._storage.close)
            if self._services.forks is not None:
                import asyncio

                stack.push_async_callback(asyncio.to_thread, self._services.forks.close)
            for loaded in self._registry.empty():
                stack.push_async_callback(self._end, loaded)
        self._changed()

    @override
    def _changed(self) -> None:
        for kinship in self._kinds.values():
            kinship.renew()
        for dispatcher, routes in list(self._dispatchers):
            dispatcher.bind(routes)

    @override
    def _observe(self, observation: Observation) -> None:
        self._around.add(observation.call_async, None, None, math.inf)

    async def _take(
        self, manifest: Manifest, kind: Kind, runtime: str | None, make: Callable[[AsyncChannel], T]
    ) -> T:
        picked = choose(manifest, runtime)
        with self._registry.taking(manifest.name):
            client = await self._open(manifest, kind, picked, make)
        self._changed()
        self._look_after()
        return client

    def _look_after(self) -> None:
        """Begin to look after plugins, if the host is to and does not yet."""
        if self._watchers:
            return
        if self._health_every is not None:
            self._repeat(self._health_every, self.check)
        if self._watch_every is not None:
            self._repeat(self._watch_every, partial(self._reload_changed, Watch(self._registry)))

    def _repeat(self, pause: float, work: Callable[[], Awaitable[None]]) -> None:
        import asyncio

        async def repeat() -> None:
            while True:
                await asyncio.sleep(pause)
                await work()

        self._watchers.append(asyncio.create_task(repeat()))

    async def _reload_changed(self, watch: Watch) -> None:
        import asyncio

        for name in await asyncio.to_thread(watch.changed):
            with watch.telling(name):
                await self.reload(name, keep=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


async def _side_by_side(
    work: Callable[[Entry[AsyncChannel]], Awaitable[None]], entries: list[Entry[AsyncChannel]]
) -> AsyncIterator[tuple[Entry[AsyncChannel], float]]:
    """Do the work for all entries, several at once; yield each with its seconds."""
    import asyncio

    free = asyncio.Semaphore(AT_ONCE)

    async def timed(entry: Entry[AsyncChannel]) -> tuple[Entry[AsyncChannel], float]:
        async with free:
            start = time.monotonic()
            await work(entry)
            return entry, time.monotonic() - start

    for done in [asyncio.create_task(timed(entry)) for entry in entries]:
        yield await done
