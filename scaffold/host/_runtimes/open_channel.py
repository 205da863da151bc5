"""The three ways to a plugin: which of them to take, and the channel at the end of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from scaffold._concurrency.finish_cancelled import run_to_completion
from scaffold.contract._errors.errors import PluginError, PluginLoadError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin, PluginContext
from scaffold.host._concurrency.time_limit import TimeLimitExceeded
from scaffold.host._in_process.async_channel import AsyncInProcessChannel
from scaffold.host._in_process.channel import InProcessChannel
from scaffold.host._in_process.in_flight import InFlightCalls
from scaffold.host._loading.plugin_loader import describe_exception, load_plugin
from scaffold.host._plugin_context import Deliver, PluginEnvironment, in_loop, in_threads
from scaffold.host._runtimes.connection_settings import (
    http_settings,
    process_settings,
    resolve_command,
)
from scaffold.manifest._compatibility import HAS_PIPES, PREFERENCE
from scaffold.manifest._model import Manifest, McpStdio, Runtime
from scaffold.resources._scope import ResourceScope

if TYPE_CHECKING:
    from scaffold.client._process.launch import Spawn


class _Connecting(AsyncChannel, Protocol):
    """A channel that is not connected when it is made."""

    async def connect(self) -> object:
        """Connect; raise `TransportError`."""
        ...


T = TypeVar("T", bound=_Connecting)


def runs_in_host(manifest: Manifest, runtime: Runtime) -> bool:
    """Tell whether a plugin's code is imported by this process."""
    return runtime == "in_process" and not _wants_a_process(manifest)


def runtime_of(channel: Channel | AsyncChannel) -> Runtime:
    """Return where a channel leads: a plugin for this process may have been given its own."""
    return next(one for one in PREFERENCE if one == channel.runtime)


def open_channel(
    manifest: Manifest,
    kind: Kind,
    runtime: Runtime,
    environment: PluginEnvironment | None = None,
    plugin: Plugin | None = None,
) -> Channel:
    """Open a channel to the plugin, and hand it its context.

    Without a `environment` the plugin has what its manifest says, and no host around it. A `plugin`
    that is there already is used in process, in place of what the manifest names. Raises
    `PluginLoadError`, `ConnectFailed` or another error of the transport; `PluginError` if something
    cannot be provided.
    """
    environment = environment or PluginEnvironment.of(manifest)
    if runtime != "in_process":
        return _CHANNELS[runtime](manifest, kind, environment)
    if plugin is None and _wants_a_process(manifest):
        return _stdio(_served(manifest), kind, environment)
    channel = InProcessChannel(plugin or load_plugin(manifest, kind), name=manifest.name)
    services = environment.services
    deliver = in_threads(services.background_calls, manifest.name, channel.settle)
    try:
        channel.setup(
            _contexts(environment, channel.in_flight, lambda: deliver),
            seconds=manifest.startup_timeout_sec,
            teardown_seconds=manifest.teardown_timeout_sec,
            abandoned_work=services.abandoned_work,
        )
    except PLUGIN_EXCEPTIONS as error:
        channel.close()
        raise _setup_failed(manifest, error) from None
    except BaseException:
        channel.close()
        raise
    return channel


async def async_open_channel(
    manifest: Manifest,
    kind: Kind,
    runtime: Runtime,
    environment: PluginEnvironment | None = None,
    plugin: Plugin | None = None,
) -> AsyncChannel:
    """Open a channel to the plugin for the running event loop; raise as `open_channel` does."""
    import asyncio

    environment = environment or PluginEnvironment.of(manifest)
    if runtime != "in_process":
        return await _ASYNC_CHANNELS[runtime](manifest, kind, environment)
    if plugin is None and _wants_a_process(manifest):
        return await _async_stdio(_served(manifest), kind, environment)
    channel = AsyncInProcessChannel(
        plugin or load_plugin(manifest, kind),
        name=manifest.name,
        execution_model=manifest.execution_model,
    )
    services = environment.services

    def deliver() -> Deliver:
        return in_loop(asyncio.get_running_loop(), services.tasks, manifest.name)

    try:
        await channel.setup(
            _contexts(environment, channel.in_flight, deliver),
            seconds=manifest.startup_timeout_sec,
            teardown_seconds=manifest.teardown_timeout_sec,
            abandoned_work=services.abandoned_work,
        )
    except PLUGIN_EXCEPTIONS as error:
        await channel.aclose()
        raise _setup_failed(manifest, error) from None
    except BaseException:
        await channel.aclose()
        raise
    return channel


def _contexts(
    environment: PluginEnvironment, in_flight: InFlightCalls, deliver: Callable[[], Deliver]
) -> Callable[[ResourceScope], PluginContext]:
    """Return what makes a plugin's context, once, and again in a fork that sets it up."""
    lent: list[ResourceScope] = []

    def context(loan: ResourceScope) -> PluginContext:
        for before in lent:
            environment.services.events.leave(before)
        lent[:] = [loan]
        return replace(environment.context(loan, deliver()), in_flight=in_flight.count)

    return context


def _wants_a_process(manifest: Manifest) -> bool:
    busy = manifest.execution_model == "process_cpu_bound"
    return busy and not manifest.in_process_only and HAS_PIPES


def _served(manifest: Manifest) -> Manifest:
    """Return the manifest of a plugin that is written for this process, but keeps a core busy."""
    assert manifest.entry_point is not None
    command = ("python", "-m", "scaffold.server", manifest.entry_point, "--name", manifest.name)
    stdio = manifest.mcp_stdio or McpStdio(command=command)
    return manifest.model_copy(update={"mcp_stdio": stdio})


def _setup_failed(manifest: Manifest, error: BaseException) -> PluginError:
    if isinstance(error, PluginError):
        return error
    why = (
        str(error)
        if isinstance(error, TimeLimitExceeded)
        else describe_exception(error, manifest.folder)
    )
    return PluginLoadError(manifest.name, f"setup failed: {why}")


def _stdio(manifest: Manifest, kind: Kind, environment: PluginEnvironment) -> Channel:
    from scaffold.client._stdio.channel import StdioChannel

    command, options = resolve_command(manifest), _process(manifest, environment)
    prepare = _prepare(command, options, environment)
    spawn = prepare() if prepare else None
    return StdioChannel(command, kind=kind, spawn=spawn, **options)


async def _async_stdio(
    manifest: Manifest, kind: Kind, environment: PluginEnvironment
) -> AsyncChannel:
    import asyncio

    from scaffold.client._stdio.async_channel import AsyncStdioChannel

    command, options = resolve_command(manifest), _process(manifest, environment)
    prepare = _prepare(command, options, environment)
    spawn = await asyncio.to_thread(prepare) if prepare else None
    return await _connected(AsyncStdioChannel(command, kind=kind, spawn=spawn, **options))


def _prepare(
    command: list[str], options: Mapping[str, Any], environment: PluginEnvironment
) -> "Callable[[], Spawn] | None":
    """Return what prepares the process to be a fork, if the host has fork servers."""
    forks = environment.services.forks
    if forks is None:
        return None
    return partial(forks.prepare, command, options["env"], options.get("env_inherit"))


def _process(manifest: Manifest, environment: PluginEnvironment) -> dict[str, Any]:
    options = process_settings(manifest)
    return {**options, "env": {**options["env"], **environment.variables()}}


def _http(manifest: Manifest, kind: Kind, environment: PluginEnvironment) -> Channel:
    from scaffold.client._http import HttpChannel

    url, options = http_settings(manifest, environment.services.secrets)
    return HttpChannel(url, kind=kind, **options)


async def _async_http(
    manifest: Manifest, kind: Kind, environment: PluginEnvironment
) -> AsyncChannel:
    from scaffold.client._http import AsyncHttpChannel

    url, options = http_settings(manifest, environment.services.secrets)
    return await _connected(AsyncHttpChannel(url, kind=kind, **options))


async def _connected(channel: T) -> T:
    """Connect a channel; end it if that fails or is cancelled."""
    try:
        await channel.connect()
    except BaseException:
        await run_to_completion(channel.aclose())
        raise
    return channel


_CHANNELS: Final[dict[Runtime, Callable[[Manifest, Kind, PluginEnvironment], Channel]]] = {
    "mcp_stdio": _stdio,
    "mcp_http": _http,
}

_ASYNC_CHANNELS: Final[
    dict[Runtime, Callable[[Manifest, Kind, PluginEnvironment], Awaitable[AsyncChannel]]]
] = {
    "mcp_stdio": _async_stdio,
    "mcp_http": _async_http,
}
