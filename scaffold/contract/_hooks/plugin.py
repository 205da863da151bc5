"""What every plugin is, and the clients that stand in for one."""

import logging
from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self, TypeVar

from scaffold.contract._context.events import EventBus, NullEventBus
from scaffold.contract._context.metadata import call_metadata
from scaffold.contract._context.progress import report_progress
from scaffold.contract._context.storage import Blobs, Checkpoints, CheckpointStore
from scaffold.contract._context.telemetry import NULL_METRICS, NULL_TRACER, Metrics, Tracer
from scaffold.contract._errors.errors import PluginError
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Kind, MaybeAwaitable
from scaffold.contract._json.types import Json

__all__ = [
    "CONFIG_VARIABLE",
    "AsyncClient",
    "Client",
    "NoOtherPlugins",
    "Plugin",
    "PluginContext",
    "PluginLookup",
]

T = TypeVar("T")

CONFIG_VARIABLE = "SCAFFOLD_PLUGIN_CONFIG"
"""The environment variable in which a host hands a plugin's settings to its process, as JSON."""


class PluginLookup(Protocol):
    """The other plugins of a host, as a plugin sees them."""

    def client(self, name: str, client: type[T]) -> T:
        """Return a client of a plugin in use; raise `PluginError` if there is none such."""
        ...


class NoOtherPlugins:
    """A host with no other plugin: what a server offers, which has one."""

    def client(self, name: str, client: type[T]) -> T:
        """Raise `PluginError`."""
        raise PluginError(name, "no other plugin can be reached from here")


def _none_in_flight() -> Mapping[str, int]:
    return {}


def _checkpoints_in_memory() -> CheckpointStore:
    return Checkpoints(Blobs())


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a host hands to a plugin at `setup`."""

    plugin: str
    """The plugin's name, from its manifest."""
    config: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """The plugin's settings, valid by the `config_schema` of its manifest."""
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """What the host says of itself: deployment, region, …"""
    resources: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the plugin's manifest asks for by name, and nothing else: `clock`, `rng`, `tmpdir`, …"""
    registry: PluginLookup = field(default_factory=NoOtherPlugins)
    """The way to the other plugins; only those in `depends_on` are sure to be there."""
    in_flight: Callable[[], Mapping[str, int]] = _none_in_flight
    """Tells how many calls of each hook are under way."""
    metrics: Metrics = NULL_METRICS
    """Takes measurements; the host adds the labels `plugin` and `kind`."""
    tracer: Tracer = NULL_TRACER
    """Opens spans inside a hook; that of the hook itself is the host's."""
    checkpoint: CheckpointStore = field(default_factory=_checkpoints_in_memory)
    """Where work that takes long leaves how far it has come; for this plugin alone."""
    event_bus: EventBus = field(default_factory=NullEventBus)
    """The way to plugins and application that listen, in the host's own process."""

    @property
    def metadata(self) -> Mapping[str, Json]:
        """The host's facts, and over them the metadata of the running call."""
        return {**self.facts, **call_metadata()}

    @property
    def logger(self) -> logging.Logger:
        """The logger of the plugin, `plugin.<name>`."""
        return logging.getLogger(f"plugin.{self.plugin}")

    def progress(self, progress: float, total: float | None = None, message: str = "") -> None:
        """Report how far the running hook is; see `report_progress`."""
        report_progress(progress, total, message)


class Plugin(ABC):
    """The base of every `<Kind>Plugin`. Only the hooks of its kind must be written."""

    kind: ClassVar[Kind]
    """The contract that the plugin implements."""

    def setup(self, context: PluginContext) -> MaybeAwaitable[None]:
        """Get ready. Called once, before any hook; what it raises makes the plugin unavailable."""
        return None

    def teardown(self) -> MaybeAwaitable[None]:
        """Let go of everything `setup` took. Called once, after the last hook."""
        return None

    def health(self) -> MaybeAwaitable[None]:
        """Raise if the plugin cannot do its work now; the message says why. It should be quick."""
        return None


class Client(Plugin):
    """The base of every `<Kind>Client`: a plugin of the kind that calls the real one."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def close(self) -> None:
        """End the plugin's session, and its process if this client started it."""
        self.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient(Plugin):
    """The base of every `Async<Kind>Client`: the same, awaited."""

    def __init__(self, channel: AsyncChannel) -> None:
        self.channel = channel

    async def aclose(self) -> None:
        """End the plugin's session, and its process if this client started it."""
        await self.channel.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
