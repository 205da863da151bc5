"""The three ways to a plugin: which of them to take, and the channel at the end of it."""

from collections.abc import Awaitable, Callable
from typing import Final

from scaffold.contract.channel import AsyncChannel, Channel
from scaffold.contract.errors import PluginLoadError, RuntimeNotSupported
from scaffold.contract.failure import FAILURES
from scaffold.contract.hook import Kind
from scaffold.contract.plugin import PluginContext
from scaffold.host.addresses import command_of, process_of, service_of
from scaffold.host.in_process import AsyncInProcessChannel, InProcessChannel
from scaffold.host.loader import cause, load_plugin
from scaffold.host.manifest import Manifest, Runtime
from scaffold.host.threads import Late

__all__ = ["PREFERENCE", "async_channel_to", "channel_to", "choose"]

PREFERENCE: Final[tuple[Runtime, ...]] = ("in_process", "mcp_stdio", "mcp_http")
"""The fastest first; a host takes the first one that a plugin offers."""


def choose(manifest: Manifest, wanted: str | None) -> Runtime:
    """Pick the runtime asked for, or the best one that the manifest offers and this host can use.

    Raises `RuntimeNotSupported`.
    """
    usable: list[Runtime] = [
        one for one in PREFERENCE if one in manifest.runtime and _usable(manifest, one)
    ]
    for runtime in usable:
        if wanted in {None, runtime}:
            return runtime
    offers = f"the manifest offers {', '.join(manifest.runtime)}"
    can = f"this host can use {', '.join(usable) or 'none of them'}"
    asked = f", and was asked for {wanted}" if wanted else ""
    raise RuntimeNotSupported(manifest.name, f"{offers}; {can}{asked}")


def _usable(manifest: Manifest, runtime: Runtime) -> bool:
    # An entry point that is a file is for a host in another language.
    return runtime != "in_process" or ":" in (manifest.entry_point or "")


def channel_to(manifest: Manifest, kind: Kind, runtime: Runtime) -> Channel:
    """Open a channel to the plugin.

    Raises `PluginLoadError`, `ConnectFailed` or another error of the transport.
    """
    return _CHANNELS[runtime](manifest, kind)


async def async_channel_to(manifest: Manifest, kind: Kind, runtime: Runtime) -> AsyncChannel:
    """Open a channel to the plugin for the running event loop; raise as `channel_to` does."""
    return await _ASYNC_CHANNELS[runtime](manifest, kind)


def _in_process(manifest: Manifest, _kind: Kind) -> Channel:
    channel = InProcessChannel(load_plugin(manifest), name=manifest.name)
    try:
        channel.setup(
            PluginContext(manifest.name),
            seconds=manifest.startup_timeout_sec,
            teardown_seconds=manifest.teardown_timeout_sec,
        )
    except FAILURES as error:
        channel.close()
        raise _setup_failed(manifest, error) from None
    return channel


async def _async_in_process(manifest: Manifest, _kind: Kind) -> AsyncChannel:
    channel = AsyncInProcessChannel(
        load_plugin(manifest), name=manifest.name, execution_model=manifest.execution_model
    )
    try:
        await channel.setup(
            PluginContext(manifest.name),
            seconds=manifest.startup_timeout_sec,
            teardown_seconds=manifest.teardown_timeout_sec,
        )
    except FAILURES as error:
        raise _setup_failed(manifest, error) from None
    return channel


def _setup_failed(manifest: Manifest, error: BaseException) -> PluginLoadError:
    why = str(error) if isinstance(error, Late) else cause(error, manifest.folder)
    return PluginLoadError(manifest.name, f"setup failed: {why}")


def _stdio(manifest: Manifest, kind: Kind) -> Channel:
    from scaffold.client.stdio import StdioChannel

    return StdioChannel(command_of(manifest), kind=kind, **process_of(manifest))


async def _async_stdio(manifest: Manifest, kind: Kind) -> AsyncChannel:
    from scaffold.client.stdio_async import AsyncStdioChannel

    channel = AsyncStdioChannel(command_of(manifest), kind=kind, **process_of(manifest))
    await channel.connect()
    return channel


def _http(manifest: Manifest, kind: Kind) -> Channel:
    from scaffold.client.http import HttpChannel

    url, options = service_of(manifest)
    return HttpChannel(url, kind=kind, **options)


async def _async_http(manifest: Manifest, kind: Kind) -> AsyncChannel:
    from scaffold.client.http import AsyncHttpChannel

    url, options = service_of(manifest)
    channel = AsyncHttpChannel(url, kind=kind, **options)
    await channel.connect()
    return channel


_CHANNELS: Final[dict[Runtime, Callable[[Manifest, Kind], Channel]]] = {
    "in_process": _in_process,
    "mcp_stdio": _stdio,
    "mcp_http": _http,
}

_ASYNC_CHANNELS: Final[dict[Runtime, Callable[[Manifest, Kind], Awaitable[AsyncChannel]]]] = {
    "in_process": _async_in_process,
    "mcp_stdio": _async_stdio,
    "mcp_http": _async_http,
}
