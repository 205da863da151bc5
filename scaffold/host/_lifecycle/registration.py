"""Registration: the kinds, plugins, settings, resources and middleware of a host."""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from typing_extensions import override

from scaffold.contract._context.telemetry import NULL_METRICS, NULL_TRACER, Metrics, Tracer
from scaffold.contract._errors.errors import (
    DependencyFailed,
    ManifestInvalid,
    PluginError,
)
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.contract._json import Json
from scaffold.host._dispatch.kind_group import KindGroup
from scaffold.host._in_process.async_channel import AsyncInProcessChannel
from scaffold.host._in_process.channel import InProcessChannel
from scaffold.host._in_process.in_flight import InFlightCalls
from scaffold.host._lifecycle.reload import Reload
from scaffold.host._lifecycle.start_events import rebind_clients, start_error
from scaffold.host._loading.discovery import find_plugins, from_entry_point, installed
from scaffold.host._middleware import (
    PRIORITY,
    CallTelemetry,
    Middleware,
    MiddlewareStack,
)
from scaffold.host._plugin_context import HostServices, PluginEnvironment
from scaffold.host._registry.entries import Claim, Entry, LoadedPlugin, Status
from scaffold.host._registry.ranking import Policy, plan_start
from scaffold.host._registry.registry import Registry
from scaffold.host._runtimes.open_channel import runtime_of
from scaffold.manifest._compatibility import check_config, check_kind, check_runtime, choose_runtime
from scaffold.manifest._model import Manifest, Runtime, manifest_of, read_manifest
from scaffold.manifest._secrets import Secrets
from scaffold.resources._folder_storage import Storage
from scaffold.resources._standard import ResourceFactory

if TYPE_CHECKING:
    from scaffold.client._process.fork_server import ForkServers

C = TypeVar("C", Channel, AsyncChannel)
T = TypeVar("T")


class Registration(Generic[C]):
    """The part of a host that never waits: it registers plugins, and starts none."""

    def __init__(
        self,
        facts: Mapping[str, Json] | None = None,
        *,
        fork_server: bool = False,
        storage: Path | str | None = None,
        metrics: Metrics | None = None,
        tracer: Tracer | None = None,
        secrets: Collection[str] | Mapping[str, str] | None = None,
    ) -> None:
        self._registry: Registry[C] = Registry()
        self._others: PluginLookup[C] = PluginLookup(self._registry)
        self._kinds: dict[tuple[str, int], KindGroup[C]] = {}
        self._client_classes: dict[tuple[str, int], Callable[[C], Plugin]] = {}
        self._settings: dict[str, Mapping[str, Json]] = {}
        self._middleware = MiddlewareStack()
        self._storage = Storage(storage)
        self._services = HostServices(
            facts=dict(facts or {}),
            storage=self._storage,
            metrics=metrics or NULL_METRICS,
            tracer=tracer or NULL_TRACER,
            registry=self._others,
            secrets=Secrets(secrets),
            forks=_fork_servers() if fork_server else None,
        )
        if metrics is not None or tracer is not None:
            self._observe(CallTelemetry(self._services.metrics, self._services.tracer))

    @property
    def plugins(self) -> Mapping[str, LoadedPlugin[C]]:
        """The plugins in use, by name, in the order in which they were loaded."""
        return self._registry.plugins

    @property
    def status(self) -> Mapping[str, Status]:
        """The state of every registered plugin, by name."""
        return {name: entry.status for name, entry in self._registry.entries.items()}

    def __getitem__(self, name: str) -> LoadedPlugin[C]:
        return self.plugins[name]

    @override
    def __repr__(self) -> str:
        plugins = ", ".join(map(str, self.status.values())) or "no plugins"
        return f"<{type(self).__name__}: {plugins}>"

    def register(self, path: Path | str) -> Status:
        """Register the plugin in a folder, or of a manifest file; `start` will start it.

        A plugin that cannot be used is `unavailable`, with the reason. Raises `DuplicatePlugin`.
        """
        path = Path(path)
        try:
            manifest = read_manifest(path)
        except ManifestInvalid as error:
            return self._register_unusable(path.stem if path.is_file() else path.name, error)
        return self._register(manifest)

    def discover(self, folder: Path | str) -> Sequence[Status]:
        """Register every plugin in the folders below; see `register`.

        Raises `DuplicatePlugin` if two plugins have one name, `PluginError` without the folder.
        """
        root = Path(folder).expanduser()
        if not root.is_dir():
            raise PluginError(
                str(folder), "the folder does not exist; pass a folder that contains plugins"
            )
        return [self.register(found) for found in find_plugins(root)]

    def discover_installed(self) -> Sequence[Status]:
        """Register the plugins that installed packages name as entry points; see `register`.

        Raises `DuplicatePlugin` if a name is there twice, and names both packages.
        """
        found: list[Status] = []
        for point in installed():
            try:
                manifest, plugin = from_entry_point(point)
            except PluginError as error:
                found.append(self._register_unusable(point.name, error))
            else:
                found.append(self._register(manifest, plugin))
        return found

    def add(self, plugin: Plugin | type[Plugin], name: str, **keys: Any) -> Status:
        """Register a plugin that is there as a class or an object; see `register`.

        `keys` are any of a manifest: `priority=10`. Raises `ManifestInvalid` for wrong ones. An
        object can be started once, and never be reloaded.
        """
        made = plugin if isinstance(plugin, type) else type(plugin)
        return self._register(manifest_of(made, name, keys), plugin)

    def configure(self, name: str, settings: Mapping[str, Json]) -> None:
        """Give a plugin settings, over those of its manifest; they count when it is started."""
        self._settings[name] = {**self._settings.get(name, {}), **settings}

    def provide(self, name: str, make: ResourceFactory) -> None:
        """Offer a resource to the plugins that ask for it, or a double in place of a standard one.

        `make` is called for each plugin of this process: `host.provide("clock", lambda _:
        FrozenClock(0))`. What closes the resource is pushed on its argument.
        """
        self._services.provided[name] = make

    def use(
        self,
        middleware: Middleware,
        *,
        kind: str | None = None,
        hook: str | None = None,
        priority: float = PRIORITY,
    ) -> None:
        """Put a function around every call of a hook, or of all hooks (ADR-0005 §2).

        It stands between callers, dispatchers and other plugins alike, and each plugin that is
        called. The highest priority is outermost; of equal ones, the first. Use it before any
        plugin is loaded or started: raises `PluginError` afterwards.
        """
        self._check_middleware(middleware)
        if self._registry.plugins:
            name = min(self._registry.plugins)
            raise PluginError(name, "it is in use already, and its callers have no middleware")
        self._middleware.add(middleware, kind, hook, priority)

    def route(self, kind: Kind, policy: Policy | None) -> None:
        """Let a policy choose the plugin of each call of a kind's singleton and capability hooks.

        It goes over `DAGSTACK_ACTIVE_<KIND>` and all priorities; `None` takes it away.
        """
        self._kind_group(kind).policy = policy
        self._rebind_dispatchers()

    def _rebind_dispatchers(self) -> None:
        """Bind the dispatchers to the plugins that are in use now."""
        raise NotImplementedError

    def _kind_group(self, kind: Kind) -> KindGroup[C]:
        major = int(kind.version.partition(".")[0])
        known = self._kinds.get((kind.name, major))
        if known is None:
            known = KindGroup(kind, lambda: list(self._registry.entries.values()))
            self._kinds[kind.name, major] = known
        return known

    def _register(self, manifest: Manifest, plugin: Plugin | type[Plugin] | None = None) -> Status:
        entry: Entry[C] = Entry(manifest.name, manifest)
        if plugin is not None:
            entry.make = plugin if isinstance(plugin, type) else lambda: plugin
            entry.once = not isinstance(plugin, type)
        self._registry.register(entry)
        try:
            check_kind(manifest, self._kinds)
            check_config(manifest, self._settings.get(manifest.name, {}))
            self._runtime(manifest, self._kind(manifest))
        except PluginError as error:
            entry.fail(error)
            entry.log_failure()
        return entry.status

    def _register_unusable(self, name: str, error: PluginError) -> Status:
        entry: Entry[C] = Entry(name)
        self._registry.register(entry)
        entry.fail(error)
        entry.log_failure()
        return entry.status

    def _kind(self, manifest: Manifest) -> Kind:
        return self._kinds[manifest.kind, manifest.major].kind

    def _runtime(self, manifest: Manifest, kind: Kind, before: Runtime | None = None) -> Runtime:
        """Choose a runtime, the one before if the plugin still offers it."""
        runtime = choose_runtime(manifest, before if before in manifest.runtime else None)
        check_runtime(manifest, kind, runtime)
        return runtime

    def _plan_start(self, claim: Claim) -> list[list[Entry[C]]]:
        """Group the plugins to start; raise `DependencyCycle` or `AmbiguousPlugin`."""
        entries = {
            name: entry for name, entry in self._registry.entries.items() if entry.claim is claim
        }
        manifests = {name: entry.manifest for name, entry in entries.items() if entry.manifest}
        runtimes: dict[str, Runtime] = {
            name: self._runtime(manifest, self._kind(manifest))
            for name, manifest in manifests.items()
        }
        groups = plan_start(manifests, runtimes)
        for group in self._kinds.values():
            group.check()
        return [[entries[name] for name in group] for group in groups]

    @contextmanager
    def _recording_failure(self, entry: Entry[C], claim: Claim) -> Generator[Manifest]:
        """Record the error of a plugin that cannot be started."""
        manifest = entry.manifest
        assert manifest is not None
        try:
            self._check_needed(manifest)
            yield manifest
        except PLUGIN_EXCEPTIONS as error:
            if self._registry.fail(entry, claim, start_error(entry.name, error)):
                entry.log_failure()
            raise

    def _client_factory(self, entry: Entry[C], manifest: Manifest) -> Callable[[C], object]:
        """Return a function that makes the client of a plugin, and rebinds existing clients."""
        make = self._client_classes.get((manifest.kind, manifest.major))

        def led(channel: C) -> object:
            rebind_clients(self._registry.clients(manifest.name), channel)
            if entry.kind is not None:  # it was in use before
                return entry.client
            return make(channel) if make is not None else None

        return led

    def _make_loaded(
        self, manifest: Manifest, kind: Kind, channel: C, entry_channel: C, client: Plugin | None
    ) -> LoadedPlugin[C]:
        in_flight = InFlightCalls()
        if isinstance(channel, InProcessChannel | AsyncInProcessChannel):
            in_flight = channel.in_flight
        if client is not None:
            self._registry.clients(manifest.name).add(client)
        runtime = runtime_of(channel)
        return LoadedPlugin(manifest, kind, runtime, channel, entry_channel, client, in_flight)

    def _check_needed(self, manifest: Manifest) -> None:
        """Raise `DependencyFailed` unless everything that a plugin depends on is in use."""
        for name in manifest.depends_on:
            needed = self._registry.entries.get(name)
            if needed is None:
                raise DependencyFailed(manifest.name, f"it depends on '{name}', which is missing")
            if needed.loaded is None:
                why = f": {needed.reason}" if needed.reason else ""
                reason = f"it depends on '{name}', which is {needed.state}{why}"
                raise DependencyFailed(manifest.name, reason)

    def _plugin_environment(self, manifest: Manifest) -> PluginEnvironment:
        """Return what a plugin gets at `setup`; raise `PluginError` if its settings are wrong."""
        return PluginEnvironment.of(
            manifest, self._services, settings=self._settings.get(manifest.name, {})
        )

    def _check_middleware(self, middleware: Middleware) -> None:
        """Raise `TypeError` for a function that this host cannot call."""

    def _observe(self, observation: CallTelemetry) -> None:
        """Put metrics and spans around every call."""
        raise NotImplementedError

    @contextmanager
    def _reloading(self, name: str, task: object = None) -> Generator[Reload[C]]:
        """Hold a plugin and reload it: read its manifest and import its code; see `Reload`."""
        with self._registry.reloading(name, task) as (entry, claim):
            reload = Reload(entry, claim)
            manifest = reload.manifest
            with reload:
                try:
                    if entry.kind is None:
                        check_kind(manifest, self._kinds)
                    kind = entry.kind or self._kind(manifest)
                    reload.load(kind, self._runtime(manifest, kind, entry.runtime))
                except PluginError as error:
                    if reload.before is None:
                        entry.fail(error)
                        entry.log_failure()
                    raise
                yield reload


def _fork_servers() -> "ForkServers":
    from scaffold.client._process.fork_server import ForkServers

    return ForkServers()


class PluginLookup(Generic[C]):
    """The registry as plugins see it."""

    def __init__(self, registry: Registry[C]) -> None:
        self._registry: Registry[C] = registry

    def client(self, name: str, client: type[T]) -> T:
        """Return a client of a plugin in use; raise `PluginError` if there is none such."""
        loaded = self._registry.plugins.get(name)
        if loaded is None:
            raise PluginError(name, "no plugin of this name is in use; see `host.status`")
        if not issubclass(client, Plugin) or client.kind.name != loaded.kind.name:
            raise PluginError(name, f"it is of kind {loaded.kind.name}, not for {client.__name__}")
        make: Any = client
        made: Any = make(loaded.entry_channel)
        self._registry.clients(name).add(made)
        found: T = made
        return found
