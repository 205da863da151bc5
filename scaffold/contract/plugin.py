"""What every plugin is, and the clients that stand in for one."""

import logging
from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import ClassVar, Self

from scaffold.contract.channel import AsyncChannel, Channel
from scaffold.contract.hook import Kind, MaybeAwaitable
from scaffold.contract.values import Json

__all__ = ["AsyncClient", "Client", "Plugin", "PluginContext"]


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a host hands to a plugin at `setup`."""

    plugin: str
    """The plugin's name, from its manifest."""
    config: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """The plugin's settings."""
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """Request-independent facts of the host: tenant, deployment, …"""

    @property
    def logger(self) -> logging.Logger:
        """The logger of the plugin, `plugin.<name>`."""
        return logging.getLogger(f"plugin.{self.plugin}")


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
