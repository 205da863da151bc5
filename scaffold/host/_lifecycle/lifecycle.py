"""What becomes of each plugin of a host: it is started, checked, reloaded, and ended."""

from collections.abc import Callable
from typing import TypeVar

from scaffold.contract._errors.errors import PluginError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import Channel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._in_process import LANDING, InProcessChannel
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
from scaffold.host._runtimes.open_channel import channel_to
from scaffold.manifest._missing_hooks import tolerant
from scaffold.manifest._model import Manifest, Runtime

__all__ = ["Life"]

T = TypeVar("T")


class Life(Roster[Channel]):
    """The part of a host that takes one plugin at a time."""

    def reload(self, name: str, *, cancel: bool = False, keep: bool = False) -> Remains:
        """Tear a plugin down, and set a fresh one up, by its manifest and its code as they are now.

        What stands in the plugin's folder is imported again; if that fails, nothing has happened.
        Calls under way are waited for, as long as a teardown may take, or cut off with `cancel`;
        new ones are refused meanwhile. Clients and dispatchers go on with the fresh one.

        With `keep`, for development, the fresh one is set up first, and if that fails, the one
        before stays in use. No call is refused, but for a moment there are two.

        Raises `PluginError` if calls did not end, which leaves the plugin as it was; or if it
        cannot be torn down or started, which leaves it unavailable. Returns what the one before
        has left behind in this process.
        """
        self._refuse_own_loops(name)
        with self._renewal(name) as renewal:
            try:
                if keep and renewal.before is not None:
                    self._exchange(renewal, renewal.before)
                else:
                    self._replace(renewal, cancel=cancel)
            finally:
                self._changed()
        return renewal.remains()

    def _timed_start(self, claim: Claim, entry: Entry[Channel]) -> None:
        try:
            self._begin(entry, claim)
        except PLUGIN_EXCEPTIONS:
            return

    def _begin(self, entry: Entry[Channel], claim: Claim) -> None:
        """Start a plugin; or note why it cannot be started, and raise that."""
        with self._noting(entry, claim) as manifest:
            kind = self._kind(manifest)
            runtime, make = self._runtime(manifest, kind), self._maker(entry, manifest)
            self._open(manifest, kind, runtime, make, claim=claim, plugin=made(entry))

    def _replace(self, renewal: Renewal[Channel], *, cancel: bool) -> None:
        """End the plugin that is reloaded, if it is in use, and start the fresh one."""
        entry = renewal.entry
        try:
            if renewal.before is not None:
                self._retire(renewal, renewal.before, cancel=cancel)
        finally:
            self._end_retired(entry.name, 0 if cancel else LANDING)
        entry.manifest, entry.state = renewal.manifest, State.RELOADING
        with self._noting(entry, renewal.claim):
            self._renew(renewal)

    def _retire(
        self, renewal: Renewal[Channel], before: LoadedPlugin[Channel], *, cancel: bool
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
                _land(before)
            self._registry.retire(entry, renewal.claim)
        except BaseException:
            self._registry.reopen(entry, renewal.claim, state, reason)
            raise

    def _exchange(self, renewal: Renewal[Channel], before: LoadedPlugin[Channel]) -> None:
        """Start the fresh plugin and put it to use, and end the one before."""
        name = renewal.entry.name
        try:
            self._renew(renewal)
            self._changed()
            before.flights.closed = True
            before.flights.landed(before.manifest.teardown_timeout_sec, but=before.flights.own())
        except BaseException:
            if self._registry.plugins.get(name) is before:  # the fresh one could not be started
                lead(self._registry.clients(name), before.entrance)
            raise
        finally:
            try:
                self._end_retired(name)
            except PluginError as error:
                renewal.report(error)

    def _renew(self, renewal: Renewal[Channel]) -> None:
        manifest, claim = renewal.manifest, renewal.claim
        make = self._maker(renewal.entry, manifest)
        runtime, plugin = renewal.runtime, renewal.plugin
        self._open(manifest, renewal.kind, runtime, make, claim=claim, plugin=plugin)

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
        """Open a channel to a plugin, and keep it with what is made of it."""
        self._registry.check_open(manifest.name)
        provision = self._provision(manifest)
        channel = loaded = None
        try:
            channel = channel_to(manifest, kind, runtime, provision, plugin)
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
                    channel.close()
            raise
        return client

    def _end_retired(self, name: str, landing: float = LANDING) -> None:
        """Tear down what a reload has taken out of use, also if this is interrupted once.

        After a second interruption, the next reload or the close of the host does it.
        """
        try:
            self._end_each(name, landing)
        finally:
            self._end_each(name, landing)

    def _end_each(self, name: str, landing: float) -> None:
        for loaded in self._registry.retired(name):
            self._end(loaded, landing)

    def _end(self, loaded: LoadedPlugin[Channel], landing: float = LANDING) -> None:
        name, channel = loaded.manifest.name, loaded.channel
        try:
            if isinstance(channel, InProcessChannel):
                channel.close(landing=landing)
            else:
                channel.close()
        except PLUGIN_EXCEPTIONS as error:
            self._registry.ended(loaded)
            if isinstance(error, PluginError):
                self._registry.entries[name].abandon(error, leaked=left_behind(error))
            raise
        self._registry.ended(loaded)

    def _refuse_own_loops(self, name: str | None = None) -> None:
        """Raise `PluginError` in the event loop of a plugin that is to be ended."""
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
            elif (hook := probe(loaded)) is not None:
                loaded.channel.bind(hook)(None)
        except PLUGIN_EXCEPTIONS as error:
            entry.sicken(loaded, error)
        else:
            entry.recover(loaded)


def _land(loaded: LoadedPlugin[Channel]) -> None:
    """Wait for the calls in flight; raise `PluginError` if they do not end in time."""
    flights, seconds = loaded.flights, loaded.manifest.teardown_timeout_sec
    if flights.own() or not flights.landed(seconds):
        raise did_not_land(loaded.manifest.name, flights.count(), seconds)
