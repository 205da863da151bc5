"""The application's side: load plugins, hand out their clients, and close everything in the end."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from scaffold.contract.channel import AsyncChannel, Channel
from scaffold.contract.errors import PluginError
from scaffold.contract.hook import Kind
from scaffold.contract.plugin import AsyncClient, Client, Plugin
from scaffold.host.kinds import kind_of
from scaffold.host.manifest import Manifest, read_manifest
from scaffold.host.registry import LoadedPlugin, Registry
from scaffold.host.runtimes import async_channel_to, channel_to, choose

__all__ = ["AsyncHost", "Host"]

C = TypeVar("C", bound=Client)
A = TypeVar("A", bound=AsyncClient)
T = TypeVar("T")


class Host:
    """Loads plugins and calls them from any thread; use it in a `with` statement.

    Every plugin is known by its manifest's name: `host["demo"]`.
    """

    def __init__(self) -> None:
        self._registry: Registry[Channel] = Registry()

    @property
    def plugins(self) -> Mapping[str, LoadedPlugin[Channel]]:
        """What is loaded, by name, in the order of loading."""
        return self._registry.plugins

    def __getitem__(self, name: str) -> LoadedPlugin[Channel]:
        return self.plugins[name]

    def load(self, folder: Path | str, client: type[C], *, runtime: str | None = None) -> C:
        """Load the plugin in a folder, or of a manifest file, and return a client of it.

        The host takes the first of `in_process`, `mcp_stdio` and `mcp_http` that the plugin offers,
        or the `runtime` asked for. Raises `ManifestInvalid`, `RuntimeNotSupported`,
        `PluginLoadError`, `PluginError` if the client is for another kind or the name is taken, or
        a `TransportError`.
        """
        manifest = read_manifest(Path(folder))
        _check_kind(manifest, client)
        return self._take(manifest, client.kind, runtime, client)

    def open(self, folder: Path | str, runtime: str | None = None) -> Channel:
        """Load a plugin without bindings of its kind: payloads are plain JSON.

        `host[name].kind.hooks` are what the channel binds. Raises as `load` does.
        """
        manifest = read_manifest(Path(folder))
        return self._take(manifest, kind_of(manifest), runtime, lambda channel: channel)

    def close(self) -> None:
        """Close every plugin, the last one first, even if some fail; then raise the last failure.

        May be repeated.
        """
        with ExitStack() as stack:
            for loaded in self._registry.empty():
                stack.callback(loaded.channel.close)

    def _take(
        self, manifest: Manifest, kind: Kind, runtime: str | None, make: Callable[[Channel], T]
    ) -> T:
        picked = choose(manifest, runtime)
        with self._registry.taking(manifest.name), ExitStack() as undo:
            channel = channel_to(manifest, kind, picked)
            undo.callback(channel.close)
            made = make(channel)
            client = made if isinstance(made, Plugin) else None
            self._registry.keep(LoadedPlugin(manifest, kind, picked, channel, client))
            undo.pop_all()
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncHost:
    """Loads plugins and calls them from one event loop; use it in an `async with` statement.

    Every plugin is known by its manifest's name: `host["demo"]`.
    """

    def __init__(self) -> None:
        self._registry: Registry[AsyncChannel] = Registry()

    @property
    def plugins(self) -> Mapping[str, LoadedPlugin[AsyncChannel]]:
        """What is loaded, by name, in the order of loading."""
        return self._registry.plugins

    def __getitem__(self, name: str) -> LoadedPlugin[AsyncChannel]:
        return self.plugins[name]

    async def load(self, folder: Path | str, client: type[A], *, runtime: str | None = None) -> A:
        """Load a plugin and return a client of it; see `Host.load`."""
        manifest = read_manifest(Path(folder))
        _check_kind(manifest, client)
        return await self._take(manifest, client.kind, runtime, client)

    async def open(self, folder: Path | str, runtime: str | None = None) -> AsyncChannel:
        """Load a plugin without bindings of its kind; see `Host.open`."""
        manifest = read_manifest(Path(folder))
        return await self._take(manifest, kind_of(manifest), runtime, lambda channel: channel)

    async def aclose(self) -> None:
        """Close every plugin, the last one first, even if some fail; then raise the last failure.

        May be repeated.
        """
        async with AsyncExitStack() as stack:
            for loaded in self._registry.empty():
                stack.push_async_callback(loaded.channel.aclose)

    async def _take(
        self, manifest: Manifest, kind: Kind, runtime: str | None, make: Callable[[AsyncChannel], T]
    ) -> T:
        picked = choose(manifest, runtime)
        with self._registry.taking(manifest.name):
            async with AsyncExitStack() as undo:
                channel = await async_channel_to(manifest, kind, picked)
                undo.push_async_callback(channel.aclose)
                made = make(channel)
                client = made if isinstance(made, Plugin) else None
                self._registry.keep(LoadedPlugin(manifest, kind, picked, channel, client))
                undo.pop_all()
        return made

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def _check_kind(manifest: Manifest, client: type[Plugin]) -> None:
    kind = client.kind
    if (kind.name, int(kind.version.partition(".")[0])) != (manifest.kind, manifest.major):
        raise PluginError(
            manifest.name,
            f"it is of kind {manifest.kind} {manifest.kind_api_version}, "
            f"and {client.__name__} is for {kind.name} {kind.version}",
        )
