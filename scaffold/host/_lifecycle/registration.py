"""Registration: the kinds, plugins, settings, resources and middleware of a host."""

import math
from collections.abc import Collection, Mapping, Sequence
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from typing_extensions import override

from scaffold.contract._context.telemetry import NULL_METRICS, NULL_TRACER, Metrics, Tracer
from scaffold.contract._errors.errors import ManifestInvalid, PluginError
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.contract._json import Json
from scaffold.host._dispatch.dispatchers import Dispatchers
from scaffold.host._dispatch.kind_group import KindGroup
from scaffold.host._lifecycle.driver import Driver
from scaffold.host._lifecycle.lifecycle import Lifecycle
from scaffold.host._lifecycle.reload import Reloader
from scaffold.host._lifecycle.supervision import Supervision
from scaffold.host._loading.discovery import find_plugins, from_entry_point, installed
from scaffold.host._middleware import PRIORITY, CallTelemetry, Middleware, MiddlewareStack
from scaffold.host._plugin_context import HostServices
from scaffold.host._registry.entries import Entry, LoadedPlugin, Status
from scaffold.host._registry.ranking import Policy
from scaffold.host._registry.registry import Registry
from scaffold.manifest._compatibility import check_config, check_kind, usable_runtime
from scaffold.manifest._model import Manifest, manifest_of, read_manifest
from scaffold.manifest._secrets import Secrets
from scaffold.resources._folder_storage import Storage
from scaffold.resources._standard import ResourceFactory

if TYPE_CHECKING:
    from scaffold.client._process.fork_server_client import ForkServers

C = TypeVar("C", Channel, AsyncChannel)
T = TypeVar("T")


class Registration(Generic[C]):
    """What both hosts are made of, and their methods that never wait: they start no plugin."""

    _driver_class: type[Driver[C]]

    def __init__(
        self,
        facts: Mapping[str, Json] | None = None,
        *,
        health_every: float | None = None,
        watch_every: float | None = None,
        fork_server: bool = False,
        storage: Path | str | None = None,
        metrics: Metrics | None = None,
        tracer: Tracer | None = None,
        secrets: Collection[str] | Mapping[str, str] | None = None,
    ) -> None:
        self._registry: Registry[C] = Registry()
        self._others: PluginLookup[C] = PluginLookup(self._registry)
        self._dispatchers: Dispatchers[C] = Dispatchers(self._registry)
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
        self._driver: Driver[C] = self._driver_class(self._services)
        self._lifecycle: Lifecycle[C] = Lifecycle(
            self._registry, self._dispatchers, self._middleware, self._services, self._driver
        )
        self._reloader: Reloader[C] = Reloader(self._lifecycle)
        self._supervision: Supervision[C] = Supervision(
            self._lifecycle, self._reloader, health_every, watch_every
        )
        if metrics is not None or tracer is not None:
            telemetry = CallTelemetry(self._services.metrics, self._services.tracer)
            call = telemetry.call_async if self._driver.awaits else telemetry.call
            self._middleware.add(call, None, None, math.inf)

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
                manifest, plugin = from_entry_point(point, self._dispatchers.kinds.values())
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
        known = self._services.settings
        known[name] = {**known.get(name, {}), **settings}

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
        if not self._driver.awaits and iscoroutinefunction(middleware):
            raise TypeError("the middleware of a Host is a plain function; AsyncHost awaits it")
        if self._registry.plugins:
            name = min(self._registry.plugins)
            raise PluginError(name, "it is in use already, and its callers have no middleware")
        self._middleware.add(middleware, kind, hook, priority)

    def route(self, kind: Kind, policy: Policy | None) -> None:
        """Let a policy choose the plugin of each call of a kind's singleton and capability hooks.

        It goes over `DAGSTACK_ACTIVE_<KIND>` and all priorities; `None` takes it away.
        """
        self._dispatchers.group(kind).policy = policy
        self._dispatchers.rebind()

    def client(self, name: str, client: type[T]) -> T:
        """Return a client of a plugin that is in use; raise `PluginError` if it is not."""
        return self._others.client(name, client)

    def _register(self, manifest: Manifest, plugin: Plugin | type[Plugin] | None = None) -> Status:
        entry: Entry[C] = Entry(manifest.name, manifest)
        if plugin is not None:
            entry.make = plugin if isinstance(plugin, type) else lambda: plugin
            entry.once = not isinstance(plugin, type)
        self._registry.register(entry)
        try:
            check_kind(manifest, self._dispatchers.kinds)
            check_config(manifest, self._services.settings.get(manifest.name, {}))
            usable_runtime(manifest, self._dispatchers.kind_of(manifest))
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

    def _group(self, kind: Kind, best_effort: Collection[str]) -> KindGroup[C]:
        """Register a kind; the hooks in `best_effort` leave out plugins that fail."""
        group = self._dispatchers.group(kind)
        group.best_effort |= set(best_effort)
        return group


def _fork_servers() -> "ForkServers":
    from scaffold.client._process.fork_server_client import ForkServers

    return ForkServers()


class PluginLookup(Generic[C]):
    """The registry as plugins see it."""

    def __init__(self, registry: Registry[C]) -> None:
        self._registry: Registry[C] = registry

    def client(self, name: str, client: type[T]) -> T:
        """Return a client of a plugin in use; raise `PluginError` if there is none such."""
        loaded = self._registry.plugins.get(name)
        if loaded is None:
            raise PluginError(name, self._why_not_in_use(name))
        if not issubclass(client, Plugin) or client.kind.name != loaded.kind.name:
            raise PluginError(name, f"it is of kind {loaded.kind.name}, not for {client.__name__}")
        make: Any = client
        made: Any = make(loaded.entry_channel)
        self._registry.clients(name).add(made)
        found: T = made
        return found

    def _why_not_in_use(self, name: str) -> str:
        entry = self._registry.entries.get(name)
        if entry is None or not entry.reason:
            return "no plugin of this name is in use; see `host.status`"
        return f"it is {entry.state}: {entry.reason}"
