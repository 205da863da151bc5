"""The lifecycle of the plugins of an `AsyncHost`: `Lifecycle` with awaited methods."""

from collections.abc import Callable
from typing import TypeVar

from scaffold._concurrency.finish_cancelled import run_to_completion
from scaffold.contract._errors.errors import PluginError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import AsyncChannel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._in_process.async_channel import AsyncInProcessChannel
from scaffold.host._in_process.hook_binding import CALLS_GRACE_PERIOD
from scaffold.host._lifecycle.registration import Registration
from scaffold.host._lifecycle.reload import LeakReport, Reload
from scaffold.host._lifecycle.start_events import (
    CHECK_SECONDS,
    find_probe_hook,
    make_plugin,
    rebind_clients,
    reload_timeout_error,
    teardown_timed_out,
)
from scaffold.host._registry.entries import Claim, Entry, LoadedPlugin, State
from scaffold.host._runtimes.open_channel import async_open_channel
from scaffold.manifest._missing_hooks import allow_missing_hooks
from scaffold.manifest._model import Manifest, Runtime

T = TypeVar("T")


class AsyncLifecycle(Registration[AsyncChannel]):
    """The part of an `AsyncHost` that opens, checks, reloads and closes one plugin."""

    async def reload(self, name: str, *, cancel: bool = False, keep: bool = False) -> LeakReport:
        """Reload a plugin; see `Host.reload`."""
        import asyncio

        with self._reloading(name, asyncio.current_task()) as reload:
            try:
                if keep and reload.before is not None:
                    await self._swap(reload, reload.before)
                else:
                    await self._restart(reload, cancel=cancel)
            finally:
                self._rebind_dispatchers()
        return reload.remains()

    async def _timed_start(self, claim: Claim, entry: Entry[AsyncChannel]) -> None:
        try:
            await self._begin(entry, claim)
        except PLUGIN_EXCEPTIONS:
            return

    async def _begin(self, entry: Entry[AsyncChannel], claim: Claim) -> None:
        """Start a plugin; or note why it cannot be started, and raise that."""
        with self._recording_failure(entry, claim) as manifest:
            kind = self._kind(manifest)
            runtime, make = self._runtime(manifest, kind), self._client_factory(entry, manifest)
            await self._open(manifest, kind, runtime, make, claim=claim, plugin=make_plugin(entry))

    async def _restart(self, reload: Reload[AsyncChannel], *, cancel: bool) -> None:
        """Tear down the running instance, if there is one, and start the new one.

        A cancellation before the teardown leaves the plugin in use. A later one is raised after the
        new instance was started, or has failed to.
        """
        if reload.before is not None:
            await self._retire(reload, reload.before, cancel=cancel)
        await run_to_completion(self._end_and_fill(reload, 0 if cancel else CALLS_GRACE_PERIOD))

    async def _retire(
        self, reload: Reload[AsyncChannel], before: LoadedPlugin[AsyncChannel], *, cancel: bool
    ) -> None:
        """Refuse new calls, wait for those in flight, and take the plugin out of use.

        If that fails, the plugin is used as before.
        """
        entry = reload.entry
        state, reason = entry.state, entry.reason
        try:
            entry.state, before.in_flight.closed = State.RELOADING, True
            self._rebind_dispatchers()
            if not cancel:
                await _land(before)
            self._registry.retire(entry, reload.claim)
        except BaseException:
            self._registry.reopen(entry, reload.claim, state, reason)
            raise

    async def _end_and_fill(self, reload: Reload[AsyncChannel], landing: float) -> None:
        """Tear down what is out of use, and start the new instance."""
        entry = reload.entry
        for loaded in self._registry.retired(entry.name):
            await self._end(loaded, landing)
        entry.manifest, entry.state = reload.manifest, State.RELOADING
        with self._recording_failure(entry, reload.claim):
            await self._open_new(reload)

    async def _swap(self, reload: Reload[AsyncChannel], before: LoadedPlugin[AsyncChannel]) -> None:
        """Start the new instance and use it, then tear down the old one."""
        name, own = reload.entry.name, before.in_flight.own()
        try:
            await self._open_new(reload)
            self._rebind_dispatchers()
            before.in_flight.closed = True
            await before.in_flight.async_wait_idle(before.manifest.teardown_timeout_sec, but=own)
        except BaseException:
            if self._registry.plugins.get(name) is before:  # the new instance could not be started
                rebind_clients(self._registry.clients(name), before.entry_channel)
            raise
        finally:
            try:
                for loaded in self._registry.retired(name):
                    await run_to_completion(self._end(loaded, but=own))
            except PluginError as error:
                reload.report(error)

    async def _open_new(self, reload: Reload[AsyncChannel]) -> None:
        manifest, claim = reload.manifest, reload.claim
        make = self._client_factory(reload.entry, manifest)
        runtime, plugin = reload.runtime, reload.plugin
        await self._open(manifest, reload.kind, runtime, make, claim=claim, plugin=plugin)

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
        """Open a channel to a plugin, make its client, and register both."""
        self._registry.check_open(manifest.name)
        environment = self._plugin_environment(manifest)
        channel = loaded = None
        try:
            channel = await async_open_channel(manifest, kind, runtime, environment, plugin)
            entry_channel = self._middleware.entry_channel(
                allow_missing_hooks(channel, manifest, kind), manifest.name
            )
            client = make(entry_channel)
            shown = client if isinstance(client, Plugin) else None
            loaded = self._make_loaded(manifest, kind, channel, entry_channel, shown)
            self._registry.register_loaded(loaded, claim)
        except BaseException:
            try:
                if loaded is not None:
                    self._registry.unregister_loaded(loaded, claim)
            finally:
                if channel is not None:
                    await run_to_completion(channel.aclose())
            raise
        return client

    async def _end(
        self,
        loaded: LoadedPlugin[AsyncChannel],
        landing: float = CALLS_GRACE_PERIOD,
        *,
        but: int = 0,
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
                self._registry.entries[name].record_teardown_failure(
                    error, leaked=teardown_timed_out(error)
                )
            raise
        self._registry.ended(loaded)

    async def _check(self, entry: Entry[AsyncChannel]) -> None:
        loaded = entry.loaded
        if loaded is None:
            return
        try:
            if isinstance(loaded.channel, AsyncInProcessChannel):
                await loaded.channel.check(CHECK_SECONDS)
            elif (hook := find_probe_hook(loaded)) is not None:
                await loaded.channel.bind(hook)(None)
        except PLUGIN_EXCEPTIONS as error:
            entry.record_health_failure(loaded, error)
        else:
            entry.record_health_success(loaded)


async def _land(loaded: LoadedPlugin[AsyncChannel]) -> None:
    """Wait for the calls in flight; raise `PluginError` if they do not end in time."""
    in_flight, seconds = loaded.in_flight, loaded.manifest.teardown_timeout_sec
    if in_flight.own() or not await in_flight.async_wait_idle(seconds):
        raise reload_timeout_error(loaded.manifest.name, in_flight.count(), seconds)
