"""Reload: the running instance of a plugin is replaced by one of its code as it is now."""

import logging
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Generic, TypeVar

from scaffold.contract._errors.errors import PluginError
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._dispatch.dispatchers import Dispatchers
from scaffold.host._in_process.async_channel import AsyncInProcessChannel
from scaffold.host._in_process.channel import InProcessChannel
from scaffold.host._in_process.plugin_channel import CALLS_GRACE_PERIOD
from scaffold.host._lifecycle.driver import Driver
from scaffold.host._lifecycle.leaks import LeakDetector, LeakReport
from scaffold.host._lifecycle.lifecycle import Lifecycle
from scaffold.host._loading.plugin_loader import (
    fresh_import,
    has_module,
    load_plugin,
    restore_modules,
)
from scaffold.host._loading.shared_bindings import is_shared
from scaffold.host._registry.entries import Claim, Entry, LoadedPlugin, State
from scaffold.host._registry.registry import Registry
from scaffold.host._runtimes.open_channel import runs_in_host
from scaffold.manifest._compatibility import check_kind, usable_runtime
from scaffold.manifest._model import Manifest, Runtime, read_manifest

C = TypeVar("C", Channel, AsyncChannel)


class Reload(Generic[C]):
    """One reload: the instance of a plugin before, and what the new one is made of.

    Making one reads the plugin's manifest, and raises `PluginError` if it cannot be reloaded.
    """

    def __init__(self, entry: Entry[C], claim: Claim) -> None:
        self.entry: Entry[C] = entry
        self.claim = claim
        self.before: LoadedPlugin[C] | None = entry.loaded
        self.manifest = _read_again(entry)
        self.plugin: Plugin | None = None
        """Made of the code as it is now, for the same process; `None` elsewhere."""
        self._modules: dict[str, ModuleType] = {}
        self._leaks: LeakDetector | None = None

    def load(self, kind: Kind, runtime: Runtime) -> None:
        """Import the plugin's code again; if that fails, nothing has changed."""
        self.kind = kind
        self.runtime: Runtime = runtime
        if self.entry.make is not None:
            self.plugin = self.entry.make_plugin()
        elif runs_in_host(self.manifest, runtime):
            own = has_module(self.manifest.folder, self._module)
            with ExitStack() as stack:
                if own:
                    again = fresh_import(self.manifest.folder, self._module)
                    self._modules = stack.enter_context(again)
                self.plugin = load_plugin(self.manifest, kind)
        channel = self.before.channel if self.before is not None else None
        if isinstance(channel, InProcessChannel | AsyncInProcessChannel):
            replaced = {
                name: module
                for name, module in self._modules.items()
                if not is_shared(name, module)
            }
            self._leaks = LeakDetector(channel.plugin, replaced)

    def restore_code(self) -> None:
        """Have the modules be those of the instance before."""
        if self._modules:
            restore_modules(self.manifest.folder, self._module, self._modules)

    @property
    def _module(self) -> str:
        return (self.manifest.entry_point or "").partition(":")[0]

    def report(self, error: PluginError) -> None:
        """Log that the instance before could not be torn down; the new one is in use."""
        self._logger.warning("plugin=%s the one before: %s", self.entry.name, error.reason)

    def find_leaks(self) -> LeakReport:
        """Return what is left of the instance before, once it has been torn down, and log it."""
        self.before = self.claim.before = None
        self._modules.clear()
        found = self._leaks.look() if self._leaks is not None else LeakReport()
        if found:
            self._logger.warning("plugin=%s left behind: %s", self.entry.name, found)
        return found

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger(f"plugin.{self.entry.name}")


class Reloader(Generic[C]):
    """Reloads the plugins of a host."""

    def __init__(self, lifecycle: Lifecycle[C]) -> None:
        self._lifecycle: Lifecycle[C] = lifecycle
        self._registry: Registry[C] = lifecycle.registry
        self._dispatchers: Dispatchers[C] = lifecycle.dispatchers
        self._driver: Driver[C] = lifecycle.driver

    async def reload(self, name: str, *, cancel: bool = False, keep: bool = False) -> LeakReport:
        """Reload a plugin; see `Host.reload`."""
        self._lifecycle.refuse_own_loops(name)
        with self._reloading(name) as reload:
            try:
                if keep and reload.before is not None:
                    await self._swap(reload, reload.before)
                else:
                    await self._restart(reload, cancel=cancel)
            finally:
                self._dispatchers.rebind()
        return reload.find_leaks()

    @contextmanager
    def _reloading(self, name: str) -> Generator[Reload[C]]:
        """Hold a plugin and reload it: read its manifest and import its code."""
        with self._registry.reloading(name, self._driver.task) as (entry, claim):
            reload = Reload(entry, claim)
            try:
                self._load_code(reload, entry)
                yield reload
            except BaseException:
                reload.restore_code()
                raise

    def _load_code(self, reload: Reload[C], entry: Entry[C]) -> None:
        manifest = reload.manifest
        try:
            if entry.kind is None:
                check_kind(manifest, self._dispatchers.kinds)
            kind = entry.kind or self._dispatchers.kind_of(manifest)
            reload.load(kind, usable_runtime(manifest, kind, entry.runtime))
        except PluginError as error:
            if reload.before is None:
                entry.fail(error)
                entry.log_failure()
            raise

    async def _restart(self, reload: Reload[C], *, cancel: bool) -> None:
        """Tear down the running instance, if there is one, and start the new one.

        A cancellation before the teardown leaves the plugin in use. A later one is raised after the
        new instance was started, or has failed to.
        """
        grace_period = 0 if cancel else CALLS_GRACE_PERIOD
        try:
            if reload.before is not None:
                await self._retire(reload, reload.before, cancel=cancel)
        except BaseException:
            await self._lifecycle.end_retired(reload.entry.name, grace_period)
            raise
        await self._driver.finish(self._end_and_fill(reload, grace_period))

    async def _retire(self, reload: Reload[C], before: LoadedPlugin[C], *, cancel: bool) -> None:
        """Refuse new calls, wait for those in flight, and take the plugin out of use.

        If that fails, the plugin is used as before.
        """
        entry = reload.entry
        state, reason = entry.state, entry.reason
        try:
            entry.state, before.in_flight.closed = State.RELOADING, True
            self._dispatchers.rebind()
            if not cancel:
                await self._wait_for_calls(before)
            self._registry.retire(entry, reload.claim)
        except BaseException:
            self._registry.reopen(entry, reload.claim, state, reason)
            raise

    async def _wait_for_calls(self, loaded: LoadedPlugin[C]) -> None:
        """Wait for the calls in flight; raise `PluginError` if they do not end in time."""
        in_flight, seconds = loaded.in_flight, loaded.manifest.teardown_timeout_sec
        if in_flight.own() or not await self._driver.wait_until(in_flight.is_idle, seconds):
            calls = sorted(in_flight.count().items())
            running = ", ".join(f"{count} of '{hook}'" for hook, count in calls)
            raise PluginError(
                loaded.manifest.name,
                f"reload aborted after {seconds:g} s: calls still running: {running}; "
                "wait for them, or reload with cancel=True",
            )

    async def _end_and_fill(self, reload: Reload[C], grace_period: float) -> None:
        """Tear down what is out of use, and start the new instance."""
        entry = reload.entry
        await self._lifecycle.end_retired(entry.name, grace_period)
        entry.manifest, entry.state = reload.manifest, State.RELOADING
        with self._lifecycle.recording_failure(entry, reload.claim):
            await self._open_new(reload)

    async def _swap(self, reload: Reload[C], before: LoadedPlugin[C]) -> None:
        """Start the new instance and use it, then tear down the old one."""
        name, in_flight = reload.entry.name, before.in_flight
        own = in_flight.own()
        try:
            await self._open_new(reload)
            self._dispatchers.rebind()
            in_flight.closed = True
            seconds = before.manifest.teardown_timeout_sec
            await self._driver.wait_until(lambda: in_flight.is_idle(own), seconds)
        except BaseException:
            if self._registry.plugins.get(name) is before:  # the new instance could not be started
                self._registry.rebind_clients(name, before.entry_channel)
            raise
        finally:
            try:
                await self._driver.finish(self._lifecycle.end_retired(name, but=own))
            except PluginError as error:
                reload.report(error)

    async def _open_new(self, reload: Reload[C]) -> None:
        manifest, claim, plugin = reload.manifest, reload.claim, reload.plugin
        make = self._lifecycle.client_factory(reload.entry, manifest)
        await self._lifecycle.open(
            manifest, reload.kind, reload.runtime, make, claim=claim, plugin=plugin
        )


def _read_again(entry: Entry[C]) -> Manifest:
    """Return the manifest to reload a plugin by, read again if it was read from a file."""
    manifest = entry.manifest
    assert manifest is not None
    if entry.once:
        raise PluginError(
            entry.name, "it was registered as an object; register its class to make it reloadable"
        )
    if entry.make is not None or not manifest.file.is_file():
        return manifest
    again = read_manifest(manifest.file)
    if again.name != entry.name:
        raise PluginError(entry.name, f"its manifest now calls it '{again.name}'")
    if (again.kind, again.major) != (manifest.kind, manifest.major):
        now = f"{again.kind} {again.kind_api_version}"
        raise PluginError(entry.name, f"its manifest now says that it is of kind {now}")
    return again
