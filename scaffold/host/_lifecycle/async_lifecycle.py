"""What becomes of each plugin of a host in an event loop: what `life` has, awaited."""

from collections.abc import Callable
from typing import TypeVar

from scaffold.contract._errors.errors import PluginError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import AsyncChannel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._concurrency.finish_cancelled import finish
from scaffold.host._in_process import LANDING, AsyncInProcessChannel
from scaffold.host._lifecycle.leak_detection import Remains
from scaffold.host._lifecycle.registration import Roster
from scaffold.host._lifecycle.reload import Renewal
from scaffold.host._lifecycle.start_events import (
    CHECK_SECONDS,
    did_not_land,
    lead,
    left_behind,
    made,
    probe,
)
from scaffold.host._registry.entries import Claim, Entry, LoadedPlugin, State
from scaffold.host._runtimes.open_channel import async_channel_to
from scaffold.manifest._missing_hooks import tolerant
from scaffold.manifest._model import Manifest, Runtime

__all__ = ["AsyncLife"]

T = TypeVar("T")


class AsyncLife(Roster[AsyncChannel]):
    """The part of a host that takes one plugin at a time."""

    async def reload(self, name: str, *, cancel: bool = False, keep: bool = False) -> Remains:
        """Tear a plugin down, and set a fresh one up; see `Host.reload`."""
        import asyncio

        with self._renewal(name, asyncio.current_task()) as renewal:
            try:
                if keep and renewal.before is not None:
                    await self._exchange(renewal, renewal.before)
                else:
                    await self._replace(renewal, cancel=cancel)
            finally:
                self._changed()
        return renewal.remains()

    async def _timed_start(self, claim: Claim, entry: Entry[AsyncChannel]) -> None:
        try:
            await self._begin(entry, claim)
        except PLUGIN_EXCEPTIONS:
            return

    async def _begin(self, entry: Entry[AsyncChannel], claim: Claim) -> None:
        """Start a plugin; or note why it cannot be started, and raise that."""
        with self._noting(entry, claim) as manifest:
            kind = self._kind(manifest)
            runtime, make = self._runtime(manifest, kind), self._maker(entry, manifest)
            await self._open(manifest, kind, runtime, make, claim=claim, plugin=made(entry))

    async def _replace(self, renewal: Renewal[AsyncChannel], *, cancel: bool) -> None:
        """End the plugin that is reloaded, if it is in use, and start the fresh one.

        A cancellation before the end leaves the plugin in use; a later one is raised once the fresh
        one is in use, or cannot be.
        """
        if renewal.before is not None:
            await self._retire(renewal, renewal.before, cancel=cancel)
        await finish(self._end_and_fill(renewal, 0 if cancel else LANDING))

    async def _retire(
        self, renewal: Renewal[AsyncChannel], before: LoadedPlugin[AsyncChannel], *, cancel: bool
    ) -> None:
        """Refuse new calls, wait for those in flight, and take the plugin out of use.

        If that fails, the plugin is used as before.
        """
        entry = renewal.entry
        state, reason = entry.state, entry.reason
        try:
            entry.state, before.flights.closed = State.RELOADING, True
            self._changed()
            if not cancel:
                await _land(before)
            self._registry.retire(entry, renewal.claim)
        except BaseException:
            self._registry.reopen(entry, renewal.claim, state, reason)
            raise

    async def _end_and_fill(self, renewal: Renewal[AsyncChannel], landing: float) -> None:
        """Tear down what is out of use, and start the fresh plugin."""
        entry = renewal.entry
        for loaded in self._registry.retired(entry.name):
            await self._end(loaded, landing)
        entry.manifest, entry.state = renewal.manifest, State.RELOADING
        with self._noting(entry, renewal.claim):
            await self._renew(renewal)

    async def _exchange(
        self, renewal: Renewal[AsyncChannel], before: LoadedPlugin[AsyncChannel]
    ) -> None:
        """Start the fresh plugin and put it to use, and end the one before."""
        name, own = renewal.entry.name, before.flights.own()
        try:
            await self._renew(renewal)
            self._changed()
            before.flights.closed = True
            await before.flights.landed_async(before.manifest.teardown_timeout_sec, but=own)
        except BaseException:
            if self._registry.plugins.get(name) is before:  # the fresh one could not be started
                lead(self._registry.clients(name), before.entrance)
            raise
        finally:
            try:
                for loaded in self._registry.retired(name):
                    await finish(self._end(loaded, but=own))
            except PluginError as error:
                renewal.report(error)

    async def _renew(self, renewal: Renewal[AsyncChannel]) -> None:
        manifest, claim = renewal.manifest, renewal.claim
        make = self._maker(renewal.entry, manifest)
        runtime, plugin = renewal.runtime, renewal.plugin
        await self._open(manifest, renewal.kind, runtime, make, claim=claim, plugin=plugin)

    async def _open(
        self,
        manifest: Manifest,
        kind: Kind,
        runtime: Runtime,
        make: Callable[[AsyncChannel], T],
        *,
        claim: Claim,
        plugin: Plugin | None = None,
    ) -> T:
        """Open a channel to a plugin, and keep it with what is made of it."""
        self._registry.check_open(manifest.name)
        provision = self._provision(manifest)
        channel = loaded = None
        try:
            channel = await async_channel_to(manifest, kind, runtime, provision, plugin)
            entrance = self._around.entrance(tolerant(channel, manifest, kind), manifest.name)
            client = make(entrance)
            shown = client if isinstance(client, Plugin) else None
            loaded = self._loaded(manifest, kind, channel, entrance, shown)
            self._registry.keep(loaded, claim)
        except BaseException:
            try:
                if loaded is not None:
                    self._registry.forget(loaded, claim)
            finally:
                if channel is not None:
                    await finish(channel.aclose())
            raise
        return client

    async def _end(
        self, loaded: LoadedPlugin[AsyncChannel], landing: float = LANDING, *, but: int = 0
    ) -> None:
        """End a plugin; `but` of the calls in flight wait for that."""
        name, channel = loaded.manifest.name, loaded.channel
        try:
            if isinstance(channel, AsyncInProcessChannel):
                await channel.aclose(landing=landing, but=but)
            else:
                await channel.aclose()
        except PLUGIN_EXCEPTIONS as error:
            self._registry.ended(loaded)
            if isinstance(error, PluginError):
                self._registry.entries[name].abandon(error, leaked=left_behind(error))
            raise
        self._registry.ended(loaded)

    async def _check(self, entry: Entry[AsyncChannel]) -> None:
        loaded = entry.loaded
        if loaded is None:
            return
        try:
            if isinstance(loaded.channel, AsyncInProcessChannel):
                await loaded.channel.check(CHECK_SECONDS)
            elif (hook := probe(loaded)) is not None:
                await loaded.channel.bind(hook)(None)
        except PLUGIN_EXCEPTIONS as error:
            entry.sicken(loaded, error)
        else:
            entry.recover(loaded)


async def _land(loaded: LoadedPlugin[AsyncChannel]) -> None:
    """Wait for the calls in flight; raise `PluginError` if they do not end in time."""
    flights, seconds = loaded.flights, loaded.manifest.teardown_timeout_sec
    if flights.own() or not await flights.landed_async(seconds):
        raise did_not_land(loaded.manifest.name, flights.count(), seconds)
