"""The lifecycle of the plugins of a `Host`: open, check, reload and close."""

from collections.abc import Callable
from typing import TypeVar

from scaffold.contract._errors.errors import PluginError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import Channel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._in_process.channel import InProcessChannel
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
from scaffold.host._runtimes.open_channel import open_channel
from scaffold.manifest._missing_hooks import allow_missing_hooks
from scaffold.manifest._model import Manifest, Runtime

T = TypeVar("T")


class Lifecycle(Registration[Channel]):
    """The part of a `Host` that opens, checks, reloads and closes one plugin."""

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
        self._refuse_own_loops(name)
        with self._reloading(name) as reload:
            try:
                if keep and reload.before is not None:
                    self._swap(reload, reload.before)
                else:
                    self._restart(reload, cancel=cancel)
            finally:
                self._rebind_dispatchers()
        return reload.remains()

    def _timed_start(self, claim: Claim, entry: Entry[Channel]) -> None:
        try:
            self._begin(entry, claim)
        except PLUGIN_EXCEPTIONS:
            return

    def _begin(self, entry: Entry[Channel], claim: Claim) -> None:
        """Start a plugin; or note why it cannot be started, and raise that."""
        with self._recording_failure(entry, claim) as manifest:
            kind = self._kind(manifest)
            runtime, make = self._runtime(manifest, kind), self._client_factory(entry, manifest)
            self._open(manifest, kind, runtime, make, claim=claim, plugin=make_plugin(entry))

    def _restart(self, reload: Reload[Channel], *, cancel: bool) -> None:
        """Tear down the running instance, if there is one, and start the new one."""
        entry = reload.entry
        try:
            if reload.before is not None:
                self._retire(reload, reload.before, cancel=cancel)
        finally:
            self._end_retired(entry.name, 0 if cancel else CALLS_GRACE_PERIOD)
        entry.manifest, entry.state = reload.manifest, State.RELOADING
        with self._recording_failure(entry, reload.claim):
            self._open_new(reload)

    def _retire(
        self, reload: Reload[Channel], before: LoadedPlugin[Channel], *, cancel: bool
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
                _land(before)
            self._registry.retire(entry, reload.claim)
        except BaseException:
            self._registry.reopen(entry, reload.claim, state, reason)
            raise

    def _swap(self, reload: Reload[Channel], before: LoadedPlugin[Channel]) -> None:
        """Start the new instance and use it, then tear down the old one."""
        name = reload.entry.name
        try:
            self._open_new(reload)
            self._rebind_dispatchers()
            before.in_flight.closed = True
            before.in_flight.wait_idle(
                before.manifest.teardown_timeout_sec, but=before.in_flight.own()
            )
        except BaseException:
            if self._registry.plugins.get(name) is before:  # the new instance could not be started
                rebind_clients(self._registry.clients(name), before.entry_channel)
            raise
        finally:
            try:
                self._end_retired(name)
            except PluginError as error:
                reload.report(error)

    def _open_new(self, reload: Reload[Channel]) -> None:
        manifest, claim = reload.manifest, reload.claim
        make = self._client_factory(reload.entry, manifest)
        runtime, plugin = reload.runtime, reload.plugin
        self._open(manifest, reload.kind, runtime, make, claim=claim, plugin=plugin)

    def _open(
        self,
        manifest: Manifest,
        kind: Kind,
        runtime: Runtime,
        make: Callable[[Channel], T],
        *,
        claim: Claim,
        plugin: Plugin | None = None,
    ) -> T:
        """Open a channel to a plugin, make its client, and register both."""
        self._registry.check_open(manifest.name)
        environment = self._plugin_environment(manifest)
        channel = loaded = None
        try:
            channel = open_channel(manifest, kind, runtime, environment, plugin)
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
                    channel.close()
            raise
        return client

    def _end_retired(self, name: str, landing: float = CALLS_GRACE_PERIOD) -> None:
        """Tear down what a reload has taken out of use, even if this is interrupted once.

        After a second interruption, the next reload or the close of the host does it.
        """
        try:
            self._end_each(name, landing)
        finally:
            self._end_each(name, landing)

    def _end_each(self, name: str, landing: float) -> None:
        for loaded in self._registry.retired(name):
            self._end(loaded, landing)

    def _end(self, loaded: LoadedPlugin[Channel], landing: float = CALLS_GRACE_PERIOD) -> None:
        name, channel = loaded.manifest.name, loaded.channel
        try:
            if isinstance(channel, InProcessChannel):
                channel.close(landing=landing)
            else:
                channel.close()
        except PLUGIN_EXCEPTIONS as error:
            self._registry.ended(loaded)
            if isinstance(error, PluginError):
                self._registry.entries[name].record_teardown_failure(
                    error, leaked=teardown_timed_out(error)
                )
            raise
        self._registry.ended(loaded)

    def _refuse_own_loops(self, name: str | None = None) -> None:
        """Raise `PluginError` in the event loop of a plugin that would be closed."""
        for loaded in list(self._registry.plugins.values()):
            if name in {None, loaded.manifest.name} and isinstance(
                loaded.channel, InProcessChannel
            ):
                loaded.channel.refuse_own_loop()

    def _check(self, entry: Entry[Channel]) -> None:
        loaded = entry.loaded
        if loaded is None:
            return
        try:
            if isinstance(loaded.channel, InProcessChannel):
                loaded.channel.check(CHECK_SECONDS)
            elif (hook := find_probe_hook(loaded)) is not None:
                loaded.channel.bind(hook)(None)
        except PLUGIN_EXCEPTIONS as error:
            entry.record_health_failure(loaded, error)
        else:
            entry.record_health_success(loaded)


def _land(loaded: LoadedPlugin[Channel]) -> None:
    """Wait for the calls in flight; raise `PluginError` if they do not end in time."""
    in_flight, seconds = loaded.in_flight, loaded.manifest.teardown_timeout_sec
    if in_flight.own() or not in_flight.wait_idle(seconds):
        raise reload_timeout_error(loaded.manifest.name, in_flight.count(), seconds)
