"""What becomes of each plugin of a host in an event loop: what `life` has, awaited."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TypeVar

from scaffold.contract.channel import AsyncChannel
from scaffold.contract.errors import PluginError
from scaffold.contract.failure import FAILURES
from scaffold.contract.hook import Kind
from scaffold.contract.plugin import Plugin
from scaffold.host.in_process import AsyncInProcessChannel
from scaffold.host.lifecycle import CHECK_SECONDS, did_not_land, lead, left_behind, made, probe
from scaffold.host.manifest import Manifest, Runtime
from scaffold.host.registry import Entry, LoadedPlugin, State
from scaffold.host.remains import Remains
from scaffold.host.renewal import Renewal
from scaffold.host.roster import Roster
from scaffold.host.runtimes import async_channel_to

__all__ = ["AsyncLife"]

T = TypeVar("T")


class AsyncLife(Roster[AsyncChannel]):
    """The part of a host that takes one plugin at a time."""

    async def reload(self, name: str, *, cancel: bool = False, keep: bool = False) -> Remains:
        """Tear a plugin down, and set a fresh one up; see `Host.reload`."""
        with self._renewal(name) as renewal:
            try:
                if keep and renewal.before is not None:
                    await self._exchange(renewal, renewal.before)
                else:
                    await self._replace(renewal, cancel=cancel)
            finally:
                self._changed()
        return renewal.remains()

    async def _timed_start(self, entry: Entry[AsyncChannel]) -> None:
        try:
            await self._begin(entry)
        except FAILURES:
            return

    async def _begin(self, entry: Entry[AsyncChannel]) -> None:
        """Start a plugin; or note why it cannot be started, and raise that."""
        with self._noting(entry) as manifest:
            kind = self._kind(manifest)
            runtime, make = self._runtime(manifest, kind), self._maker(manifest)
            await self._open(manifest, kind, runtime, make, made(entry))

    async def _replace(self, renewal: Renewal[AsyncChannel], *, cancel: bool) -> None:
        """End the plugin that is reloaded, if it is in use, and start the fresh one."""
        entry, before = renewal.entry, renewal.before
        if before is not None:
            state, entry.state = entry.state, State.REGISTERED
            before.flights.closed = True
            self._changed()
            seconds = before.manifest.teardown_timeout_sec
            if not cancel and not await before.flights.landed_async(seconds):
                entry.state, before.flights.closed = state, False
                raise did_not_land(entry.name, before.flights.count(), seconds)
            self._registry.drop(entry.name)
            await self._end(before)
        entry.manifest, entry.state = renewal.manifest, State.REGISTERED
        with self._noting(entry):
            await self._renew(renewal)

    async def _exchange(
        self, renewal: Renewal[AsyncChannel], before: LoadedPlugin[AsyncChannel]
    ) -> None:
        """Start the fresh plugin and put it to use, and end the one before."""
        try:
            await self._renew(renewal)
        except BaseException:
            lead(self._registry.clients(renewal.entry.name), before.entrance)
            raise
        self._changed()
        before.flights.closed = True
        await before.flights.landed_async(before.manifest.teardown_timeout_sec)
        try:
            await self._end(before)
        except PluginError as error:
            renewal.report(error)

    async def _renew(self, renewal: Renewal[AsyncChannel]) -> None:
        manifest, before = renewal.manifest, renewal.before
        make = self._maker(manifest, before)
        await self._open(manifest, renewal.kind, renewal.runtime, make, renewal.plugin)

    async def _open(
        self,
        manifest: Manifest,
        kind: Kind,
        runtime: Runtime,
        make: Callable[[AsyncChannel], T],
        plugin: Plugin | None = None,
    ) -> T:
        """Open a channel to a plugin, and keep it with what is made of it."""
        provision = self._provision(manifest)
        async with AsyncExitStack() as undo:
            channel = await async_channel_to(manifest, kind, runtime, provision, plugin)
            undo.push_async_callback(channel.aclose)
            entrance = self._around.entrance(channel, manifest.name)
            client = make(entrance)
            shown = client if isinstance(client, Plugin) else None
            self._keep(manifest, kind, channel, entrance, shown)
            undo.pop_all()
        return client

    async def _end(self, loaded: LoadedPlugin[AsyncChannel]) -> None:
        name = loaded.manifest.name
        try:
            await loaded.channel.aclose()
        except PluginError as error:
            self._registry.entries[name].abandon(error, leaked=left_behind(error))
            raise

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
