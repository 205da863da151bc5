"""The lifecycle of the plugins of a host: load, start and close them.

Written once for threads and event loops: see `driver`.
"""

import math
from collections.abc import Callable, Generator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Final, Generic, TypeAlias, TypeVar

from scaffold.contract._errors.errors import DependencyFailed, PluginError, ScaffoldError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._concurrency.time_limit import TimeLimitExceeded
from scaffold.host._concurrency.waiting import CLOSE_TIMEOUT, CloseOnce
from scaffold.host._dispatch.dispatchers import Dispatchers
from scaffold.host._in_process.async_channel import AsyncInProcessChannel
from scaffold.host._in_process.channel import InProcessChannel
from scaffold.host._in_process.in_flight import InFlightCalls
from scaffold.host._in_process.plugin_channel import CALLS_GRACE_PERIOD
from scaffold.host._lifecycle.driver import Driver
from scaffold.host._middleware import MiddlewareStack
from scaffold.host._plugin_context import HostServices, PluginEnvironment
from scaffold.host._registry.entries import Claim, Entry, LoadedPlugin, Status
from scaffold.host._registry.ranking import plan_start
from scaffold.host._registry.registry import Registry
from scaffold.host._runtimes.open_channel import runtime_of
from scaffold.manifest._compatibility import choose_runtime, usable_runtime
from scaffold.manifest._model import Manifest, Runtime

C = TypeVar("C", Channel, AsyncChannel)
T = TypeVar("T")

CLOSE_STEP_TIMEOUT: Final = 5.0
"""Seconds for which a close waits for each sort of work that others do."""


@dataclass(frozen=True, slots=True)
class Started:
    """One plugin has been started, or could not be.

    Attributes:
        status: The plugin.
        seconds: How long it took.
        done: How many plugins have been dealt with, this one included.
        total: How many are being started.
    """

    status: Status
    seconds: float
    done: int
    total: int


OnStarted: TypeAlias = Callable[[Started], None]


class Lifecycle(Generic[C]):
    """Opens plugins and ends them; the registry knows which ones are in use."""

    def __init__(
        self,
        registry: Registry[C],
        dispatchers: Dispatchers[C],
        middleware: MiddlewareStack,
        services: HostServices,
        driver: Driver[C],
    ) -> None:
        self.registry: Registry[C] = registry
        self.dispatchers: Dispatchers[C] = dispatchers
        self.driver: Driver[C] = driver
        self._middleware = middleware
        self._services = services
        self._closing = CloseOnce()

    async def load(
        self, manifest: Manifest, kind: Kind, runtime: Runtime | None, make: Callable[[C], T]
    ) -> T:
        """Load one plugin, and return what `make` makes of its channel; see `Host.load`."""
        picked = choose_runtime(manifest, runtime)
        with self.registry.loading(manifest.name, self.driver.task) as claim:
            client = await self.open(manifest, kind, picked, make, claim=claim)
        self.dispatchers.rebind()
        return client

    async def start(self, progress: OnStarted | None) -> None:
        """Start the registered plugins; see `Host.start`."""
        while True:
            with self.registry.starting(self.driver.task) as claim:
                if claim is not None:
                    await self._start(claim, progress)
                    return
            await self.driver.wait_until(self.registry.can_start, math.inf)

    async def close(self) -> None:
        """Close the host; see `Host.close`."""
        if self._closing.is_around:
            return
        self.refuse_own_loops()
        with self._closing.turn() as mine:
            if mine:
                # A hook of a plugin may close the host: what it waits for must not wait for it.
                used = self.registry.plugins.values()
                own = {loaded.manifest.name: loaded.in_flight.own() for loaded in used}
                await self.driver.finish(self._close(self.driver.task, own))
            else:
                await self.driver.wait_until(self._closing.is_over, CLOSE_TIMEOUT)

    async def open(
        self,
        manifest: Manifest,
        kind: Kind,
        runtime: Runtime,
        make: Callable[[C], T],
        *,
        claim: Claim,
        plugin: Plugin | None = None,
    ) -> T:
        """Open a channel to a plugin, make its client, and register both."""
        registry, driver = self.registry, self.driver
        registry.check_open(manifest.name)
        environment = PluginEnvironment.of(manifest, self._services)
        channel = loaded = None
        try:
            channel = await driver.open_channel(environment, kind, runtime, plugin)
            entry_channel = self._middleware.entry_channel(channel, manifest, kind)
            client = make(entry_channel)
            loaded = self._loaded(manifest, kind, channel, entry_channel, client)
            registry.register_loaded(loaded, claim)
        except BaseException:
            try:
                if loaded is not None:
                    registry.unregister_loaded(loaded, claim)
            finally:
                if channel is not None:
                    await driver.finish(driver.close_channel(channel))
            raise
        return client

    async def end_retired(
        self, name: str, grace_period: float = CALLS_GRACE_PERIOD, but: int = 0
    ) -> None:
        """Tear down what a reload has taken out of use, even if this is interrupted once.

        After a second interruption, the next reload or the close of the host does it.
        """
        try:
            await self._end_each(name, grace_period, but)
        finally:
            await self._end_each(name, grace_period, but)

    def refuse_own_loops(self, name: str | None = None) -> None:
        """Raise `PluginError` in the event loop of a plugin that would be closed."""
        for loaded in list(self.registry.plugins.values()):
            if name in {None, loaded.manifest.name} and isinstance(
                loaded.channel, InProcessChannel
            ):
                loaded.channel.refuse_own_loop()

    def client_factory(self, entry: Entry[C], manifest: Manifest) -> Callable[[C], object]:
        """Return a function that makes the client of a plugin, and rebinds existing clients."""

        def make(channel: C) -> object:
            self.registry.rebind_clients(manifest.name, channel)
            if entry.kind is not None:  # it was in use before
                return entry.client
            return self.dispatchers.make_client(manifest, channel)

        return make

    @contextmanager
    def recording_failure(self, entry: Entry[C], claim: Claim) -> Generator[Manifest]:
        """Record the error of a plugin that cannot be started."""
        manifest = entry.manifest
        assert manifest is not None
        try:
            self._check_needed(manifest)
            yield manifest
        except PLUGIN_EXCEPTIONS as error:
            if self.registry.fail(entry, claim, _start_error(entry.name, error)):
                entry.log_failure()
            raise

    async def _start(self, claim: Claim, progress: OnStarted | None) -> None:
        groups = self._plan_start(claim)
        total = sum(map(len, groups))
        numbers = count(1)

        def done(entry: Entry[C], seconds: float) -> None:
            if progress is not None:
                progress(Started(entry.status, seconds, next(numbers), total))

        try:
            for group in groups:
                await self.driver.for_each(partial(self._start_one, claim), group, done)
        finally:
            self.dispatchers.rebind()

    async def _start_one(self, claim: Claim, entry: Entry[C]) -> None:
        """Start a plugin, or note why it cannot be started."""
        with suppress(*PLUGIN_EXCEPTIONS), self.recording_failure(entry, claim) as manifest:
            kind = self.dispatchers.kind_of(manifest)
            runtime, make = usable_runtime(manifest, kind), self.client_factory(entry, manifest)
            plugin = entry.make_plugin()
            await self.open(manifest, kind, runtime, make, claim=claim, plugin=plugin)

    def _plan_start(self, claim: Claim) -> list[list[Entry[C]]]:
        """Group the plugins to start; raise `DependencyCycle` or `AmbiguousPlugin`."""
        entries = {
            name: entry for name, entry in self.registry.entries.items() if entry.claim is claim
        }
        manifests = {name: entry.manifest for name, entry in entries.items() if entry.manifest}
        runtimes: dict[str, Runtime] = {
            name: usable_runtime(manifest, self.dispatchers.kind_of(manifest))
            for name, manifest in manifests.items()
        }
        groups = plan_start(manifests, runtimes)
        self.dispatchers.check()
        return [[entries[name] for name in group] for group in groups]

    def _check_needed(self, manifest: Manifest) -> None:
        """Raise `DependencyFailed` unless everything that a plugin depends on is in use."""
        for name in manifest.depends_on:
            needed = self.registry.entries.get(name)
            if needed is None:
                raise DependencyFailed(manifest.name, f"it depends on '{name}', which is missing")
            if needed.loaded is None:
                why = f": {needed.reason}" if needed.reason else ""
                reason = f"it depends on '{name}', which is {needed.state}{why}"
                raise DependencyFailed(manifest.name, reason)

    def _loaded(
        self, manifest: Manifest, kind: Kind, channel: C, entry_channel: C, client: object
    ) -> LoadedPlugin[C]:
        in_flight = InFlightCalls()
        if isinstance(channel, InProcessChannel | AsyncInProcessChannel):
            in_flight = channel.in_flight
        shown = client if isinstance(client, Plugin) else None
        if shown is not None:
            self.registry.clients(manifest.name).add(shown)
        runtime = runtime_of(channel)
        return LoadedPlugin(manifest, kind, runtime, channel, entry_channel, shown, in_flight)

    async def _close(self, task: object, own: Mapping[str, int]) -> None:
        driver, services = self.driver, self._services
        self.registry.close()
        driver.end_periodic_work()
        async with AsyncExitStack() as stack:
            stack.callback(self.dispatchers.rebind)
            if services.storage is not None:
                stack.callback(services.storage.close)
            if services.forks is not None:
                stack.push_async_callback(driver.in_thread, services.forks.close)
            stack.push_async_callback(driver.join_periodic_work)
            ended = services.abandoned_work.ended
            stack.push_async_callback(driver.wait_until, ended, CLOSE_STEP_TIMEOUT)
            stack.push_async_callback(self._end_all, own)
            await driver.end_background_calls(CLOSE_STEP_TIMEOUT)
            await driver.wait_until(lambda: not self.registry.busy(task), CLOSE_STEP_TIMEOUT)

    async def _end_all(self, own: Mapping[str, int]) -> None:
        async with AsyncExitStack() as stack:
            for loaded in self.registry.take_all():
                but = own.get(loaded.manifest.name, 0)
                stack.push_async_callback(self._end, loaded, CALLS_GRACE_PERIOD, but)

    async def _end_each(self, name: str, grace_period: float, but: int) -> None:
        for loaded in self.registry.retired(name):
            await self._end(loaded, grace_period, but)

    async def _end(self, loaded: LoadedPlugin[C], grace_period: float, but: int) -> None:
        """End a plugin; `but` of the calls in flight wait for that."""
        try:
            await self.driver.close_channel(loaded.channel, grace_period, but)
        except PLUGIN_EXCEPTIONS as error:
            self.registry.ended(loaded)
            if isinstance(error, PluginError):
                leaked = isinstance(error.__cause__, TimeLimitExceeded)
                entry = self.registry.entries[loaded.manifest.name]
                entry.record_teardown_failure(error, leaked=leaked)
            raise
        self.registry.ended(loaded)


def _start_error(name: str, error: BaseException) -> PluginError:
    """Return what is noted of a plugin that could not be started."""
    if isinstance(error, PluginError):
        return error
    told = str(error) if isinstance(error, ScaffoldError) else f"{type(error).__name__}: {error}"
    return PluginError(name, told)
