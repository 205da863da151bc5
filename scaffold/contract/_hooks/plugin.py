"""The base classes of plugins and of their clients, and the context of a plugin."""

import logging
from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

from typing_extensions import override

from scaffold._closing import AsyncCloseOnExit, CloseOnExit
from scaffold.contract._context.call_context import call_metadata, report_progress
from scaffold.contract._context.events import EventBus, NullEventBus
from scaffold.contract._context.storage import Blobs, Checkpoints, CheckpointStore
from scaffold.contract._context.telemetry import NULL_METRICS, NULL_TRACER, Metrics, Tracer
from scaffold.contract._errors.errors import PluginError
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Kind, MaybeAwaitable
from scaffold.contract._json import Json

T = TypeVar("T")

CONFIG_VARIABLE = "SCAFFOLD_PLUGIN_CONFIG"
"""The environment variable with the settings of a plugin as JSON, for a process of its own."""


class PluginLookup(Protocol):
    """The other plugins of a host, as a plugin sees them."""

    def client(self, name: str, client: type[T]) -> T:
        """Return a client of a loaded plugin; raise `PluginError` if it is not loaded."""
        ...


class NoOtherPlugins:
    """The other plugins in a server: there are none, since a server has one plugin."""

    def client(self, name: str, client: type[T]) -> T:
        """Raise `PluginError`."""
        raise PluginError(name, "a plugin in a process of its own cannot call other plugins")


def _none_in_flight() -> Mapping[str, int]:
    return {}


def _checkpoints_in_memory() -> CheckpointStore:
    return Checkpoints(Blobs())


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a host gives to a plugin in `setup`.

    Example:
        def setup(self, context: PluginContext) -> None:
            self._clock = context.resources["clock"]
            self._limit = context.config["limit"]
    """

    plugin: str
    """The plugin's name, from its manifest."""
    config: Mapping[str, Json] = field(default_factory=dict[str, Json], repr=False)
    """The settings of the plugin, valid by the `config_schema` of its manifest."""
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """What the host tells all plugins about itself: deployment, region, …"""
    resources: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The resources that the manifest requests, by name: `clock`, `rng`, `tmpdir`, …"""
    registry: PluginLookup = field(default_factory=NoOtherPlugins)
    """The other plugins of the host. Only those in `depends_on` are certain to be loaded."""
    in_flight: Callable[[], Mapping[str, int]] = _none_in_flight
    """Returns the number of running calls by hook."""
    metrics: Metrics = NULL_METRICS
    """Records measurements; the host adds the labels `plugin` and `kind`."""
    tracer: Tracer = NULL_TRACER
    """Opens spans inside a hook. The host opens the span of the hook itself."""
    checkpoint: CheckpointStore = field(default_factory=_checkpoints_in_memory)
    """Stores the progress of long work, for this plugin only."""
    event_bus: EventBus = field(default_factory=NullEventBus)
    """Publishes events to plugins in the process of the host, and to the application."""

    @property
    def metadata(self) -> Mapping[str, Json]:
        """The facts of the host, overridden by the metadata of the running call."""
        return {**self.facts, **call_metadata()}

    @property
    def logger(self) -> logging.Logger:
        """The logger of the plugin, `plugin.<name>`."""
        return logging.getLogger(f"plugin.{self.plugin}")

    def progress(self, progress: float, total: float | None = None, message: str = "") -> None:
        """Report the progress of the running hook; see `report_progress`."""
        report_progress(progress, total, message)


class Plugin(ABC):
    """The base of every `<Kind>Plugin`. Only the hooks of its kind must be written."""

    kind: ClassVar[Kind]
    """The contract that the plugin implements."""

    def setup(self, context: PluginContext) -> MaybeAwaitable[None]:
        """Prepare the plugin. Called once, before any hook.

        Args:
            context: The settings, resources and services of the plugin.

        Raises:
            Exception: The plugin is unavailable; the host shows the message.
        """
        return None

    def teardown(self) -> MaybeAwaitable[None]:
        """Release everything that `setup` acquired. Called once, after the last hook."""
        return None

    def health(self) -> MaybeAwaitable[None]:
        """Raise an exception if the plugin cannot work now; its message says why. Be quick."""
        return None


class Client(CloseOnExit, Plugin):
    """The base of every `<Kind>Client`: a plugin of the kind that calls the real one.

    Example:
        with ToolClient(StdioChannel(["demo-server"])) as tool:
            tool.execute(payload)
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    @override
    def close(self) -> None:
        """Close the session with the plugin, and end its process if this client started it."""
        self.channel.close()

    @override
    def __repr__(self) -> str:
        return _client_repr(self, self.kind, self.channel.runtime)


class AsyncClient(AsyncCloseOnExit, Plugin):
    """The base of every `Async<Kind>Client`: `Client` with awaited hooks."""

    def __init__(self, channel: AsyncChannel) -> None:
        self.channel = channel

    @override
    async def aclose(self) -> None:
        """Close the session with the plugin, and end its process if this client started it."""
        await self.channel.aclose()

    @override
    def __repr__(self) -> str:
        return _client_repr(self, self.kind, self.channel.runtime)


def _client_repr(client: object, kind: Kind, runtime: str) -> str:
    return f"<{type(client).__name__} {kind.name} {kind.version} over {runtime}>"
