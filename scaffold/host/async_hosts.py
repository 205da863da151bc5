"""The application's side for an event loop: what `hosts` has, awaited."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from typing_extensions import override

from scaffold.contract.channel import AsyncChannel
from scaffold.contract.errors import PluginError
from scaffold.contract.failure import FAILURES
from scaffold.contract.hook import Kind
from scaffold.contract.plugin import AsyncClient, Plugin
from scaffold.contract.routes import AsyncDispatcher
from scaffold.host.async_routes import AsyncHostRoutes, Tasks
from scaffold.host.flights import Flights
from scaffold.host.in_process import AsyncInProcessChannel
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
from scaffold.host.manifest import Manifest, read_manifest
from scaffold.host.registry import Entry, LoadedPlugin, State
from scaffold.host.roster import Roster
from scaffold.host.runtimes import async_channel_to, choose, runtime_of

if TYPE_CHECKING:
    import asyncio

__all__ = ["AsyncHost"]

C = TypeVar("C", bound=AsyncClient)
D = TypeVar("D", bound=AsyncDispatcher)
T = TypeVar("T")


class AsyncHost(Roster[AsyncChannel]):
    """Loads plugins and calls them from one event loop; use it in an `async with` statement.

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
        self._dispatchers: list[tuple[AsyncDispatcher, AsyncHostRoutes]] = []
        self._clients: dict[tuple[str, int], type[AsyncClient]] = {}
        self._tasks = Tasks()
        self._health_every = health_every
        self._watcher: asyncio.Task[None] | None = None

    def kind(self, dispatcher: type[D], *, best_effort: Collection[str] = ()) -> D:
        """Register a kind by its generated dispatcher; see `Host.kind`."""
        kinship = self._kinship(dispatcher.kind)
        kinship.best_effort |= set(best_effort)
        self._clients.setdefault((kinship.kind.name, kinship.major), dispatcher.client)
        routes = AsyncHostRoutes(kinship, self._tasks)
        bound = dispatcher(routes)
        self._dispatchers.append((bound, routes))
        return bound

    def client(self, name: str, client: type[C]) -> C:
        """Return a client of one plugin in use; raise `PluginError` if there is none such."""
        return self._others.client(name, client)

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
        if self._health_every is not None and self._watcher is None:
            import asyncio

            self._watcher = asyncio.create_task(self._watch(self._health_every))

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

    async def reload(self, name: str, *, cancel: bool = False) -> None:
        """Tear a plugin down, and set a fresh one up; see `Host.reload`."""
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
            if not cancel and not await loaded.flights.landed_async(seconds):
                entry.state, loaded.flights.closed = state, False
                raise did_not_land(name, loaded.flights.count(), seconds)
            self._registry.drop(name)
            await self._end(loaded)
            entry.manifest, entry.state = manifest, State.REGISTERED
            await self._begin(entry, loaded)
        finally:
            self._changed()

    async def aclose(self) -> None:
        """Close every plugin, the last one first, even if some fail; then raise the last failure.

        May be repeated.
        """
        if self._watcher is not None:
            self._watcher.cancel()
        await self._tasks.close(CHECK_SECONDS)
        async with AsyncExitStack() as stack:
            if self._forks is not None:
                import asyncio

                stack.push_async_callback(asyncio.to_thread, self._forks.close)
            for loaded in self._registry.empty():
                stack.push_async_callback(self._end, loaded)
        self._changed()

    @override
    def _changed(self) -> None:
        for kinship in self._kinds.values():
            kinship.renew()
        for dispatcher, routes in list(self._dispatchers):
            dispatcher.bind(routes)

    async def _take(
        self, manifest: Manifest, kind: Kind, runtime: str | None, make: Callable[[AsyncChannel], T]
    ) -> T:
        picked = choose(manifest, runtime)
        with self._registry.taking(manifest.name):
            async with AsyncExitStack() as undo:
                undo.callback(self._give_back, manifest.name)
                channel = await async_channel_to(
                    manifest, kind, picked, self._context(manifest), forks=self._forks
                )
                undo.push_async_callback(channel.aclose)
                client = make(channel)
                self._keep(manifest, kind, channel, client if isinstance(client, Plugin) else None)
                undo.pop_all()
        self._changed()
        return client

    async def _timed_start(self, entry: Entry[AsyncChannel]) -> None:
        try:
            await self._begin(entry)
        except FAILURES:
            return

    async def _begin(
        self, entry: Entry[AsyncChannel], before: LoadedPlugin[AsyncChannel] | None = None
    ) -> None:
        """Start a plugin, as it was before; or note why it cannot be started, and raise that."""
        manifest = entry.manifest
        assert manifest is not None
        try:
            self._check_needed(manifest)
            kind = self._kind(manifest) if before is None else before.kind
            runtime = self._runtime(manifest, kind, before.runtime if before else None)
            context = self._context(manifest)
            channel = await async_channel_to(
                manifest, kind, runtime, context, made(entry), forks=self._forks
            )
            make = self._clients.get((kind.name, manifest.major))
            self._keep(manifest, kind, channel, make(channel) if make else None)
        except FAILURES as error:
            self._give_back(entry.name)
            self._registry.drop(entry.name, failure(entry.name, error))
            raise

    def _keep(
        self, manifest: Manifest, kind: Kind, channel: AsyncChannel, client: Plugin | None
    ) -> None:
        flights = channel.flights if isinstance(channel, AsyncInProcessChannel) else Flights()
        runtime = runtime_of(channel)
        self._registry.keep(LoadedPlugin(manifest, kind, runtime, channel, client, flights))

    async def _end(self, loaded: LoadedPlugin[AsyncChannel]) -> None:
        name = loaded.manifest.name
        try:
            await loaded.channel.aclose()
        except PluginError as error:
            entry = self._registry.entries[name]
            entry.state = State.LEAKED if left_behind(error) else State.UNAVAILABLE
            entry.reason = error.reason
            raise
        finally:
            self._give_back(name)

    async def _check(self, entry: Entry[AsyncChannel]) -> None:
        loaded = entry.loaded
        if loaded is None:
            return
        try:
            if isinstance(loaded.channel, AsyncInProcessChannel):
                await loaded.channel.check(CHECK_SECONDS)
            elif (hook := probe(loaded.kind)) is not None:
                await loaded.channel.bind(hook)(None)
        except FAILURES as error:
            entry.sicken(error)
        else:
            entry.recover()

    async def _watch(self, pause: float) -> None:
        import asyncio

        while True:
            await asyncio.sleep(pause)
            await self.check()

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
