"""The three ways to a plugin: which of them to take, and the channel at the end of it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from scaffold._concurrency.finish_cancelled import run_to_completion
from scaffold.contract._errors.errors import PluginError, PluginLoadError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin, PluginContext
from scaffold.host._concurrency.time_limit import (
    ThreadUnavailable,
    TimeLimitExceeded,
    async_run_in_time,
)
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
    environment: PluginEnvironment, kind: Kind, runtime: Runtime, plugin: Plugin | None = None
) -> Channel:
    """Open a channel to the plugin of an environment, and hand it its context.

    A `plugin` that is there already is used in process, in place of what the manifest names. Raises
    `PluginLoadError`, `ConnectFailed` or another error of the transport; `PluginError` if something
    cannot be provided.
    """
    manifest, services = environment.manifest, environment.services
    if runtime == "mcp_http":
        from scaffold.client._http import HttpChannel

        url, options = http_settings(manifest, services.secrets)
        return HttpChannel(url, kind=kind, **options)
    if runtime == "mcp_stdio" or (plugin is None and _wants_a_process(manifest)):
        from scaffold.client._stdio.channel import StdioChannel

        command, options, prepare = _process(environment, runtime)
        return StdioChannel(command, kind=kind, spawn=prepare and prepare(), **options)
    channel = InProcessChannel(plugin or load_plugin(manifest, kind), name=manifest.name)
    deliver = in_threads(services.background_calls, manifest.name, channel.settle)
    context = _contexts(environment, channel.in_flight, lambda: deliver)
    try:
        with _setup_errors(manifest):
            channel.setup(context, manifest, services.abandoned_work)
    except BaseException:
        channel.close()
        raise
    return channel


async def async_open_channel(
    environment: PluginEnvironment, kind: Kind, runtime: Runtime, plugin: Plugin | None = None
) -> AsyncChannel:
    """Open a channel to the plugin for the running event loop; raise as `open_channel` does."""
    import asyncio

    manifest, services = environment.manifest, environment.services
    if runtime == "mcp_http":
        from scaffold.client._http import AsyncHttpChannel

        url, options = http_settings(manifest, services.secrets)
        return await _connected(AsyncHttpChannel(url, kind=kind, **options))
    if runtime == "mcp_stdio" or (plugin is None and _wants_a_process(manifest)):
        from scaffold.client._stdio.async_channel import AsyncStdioChannel

        command, options, prepare = _process(environment, runtime)
        spawn = await _prepared(manifest, prepare) if prepare else None
        return await _connected(AsyncStdioChannel(command, kind=kind, spawn=spawn, **options))
    model = manifest.execution_model
    plugin = plugin or load_plugin(manifest, kind)
    channel = AsyncInProcessChannel(plugin, name=manifest.name, execution_model=model)

    def deliver() -> Deliver:
        return in_loop(asyncio.get_running_loop(), services.tasks, manifest.name)

    context = _contexts(environment, channel.in_flight, deliver)
    try:
        with _setup_errors(manifest):
            await channel.setup(context, manifest, services.abandoned_work)
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


@contextmanager
def _setup_errors(manifest: Manifest) -> Generator[None]:
    """Turn what a plugin raises in `setup` into a `PluginError`."""
    try:
        yield
    except PluginError:
        raise
    except PLUGIN_EXCEPTIONS as error:
        late = isinstance(error, TimeLimitExceeded)
        why = str(error) if late else describe_exception(error, manifest.folder)
        raise PluginLoadError(manifest.name, f"setup failed: {why}") from None


def _process(
    environment: PluginEnvironment, runtime: Runtime
) -> "tuple[list[str], dict[str, Any], Callable[[], Spawn] | None]":
    """Return the command, its settings, and what prepares the process to be a fork.

    Only a host with fork servers has the last one.
    """
    manifest, forks = environment.manifest, environment.services.forks
    if runtime == "in_process":
        manifest = _served(manifest)
    command, options = resolve_command(manifest), process_settings(manifest)
    options["env"] = {**options["env"], **environment.variables()}
    if forks is None:
        return command, options, None
    prepare = partial(forks.prepare, command, options["env"], options.get("env_inherit"))
    return command, options, prepare


async def _prepared(manifest: Manifest, prepare: "Callable[[], Spawn]") -> "Spawn":
    """Prepare a process to be a fork, in a thread of its own; raise `NoRoom`."""
    from scaffold.client._process.launch import NoRoom

    try:
        return await async_run_in_time(prepare)
    except ThreadUnavailable as error:
        raise NoRoom(f"{manifest.name}: {error}") from None


async def _connected(channel: T) -> T:
    """Connect a channel; end it if that fails or is cancelled."""
    try:
        await channel.connect()
    except BaseException:
        await run_to_completion(channel.aclose())
        raise
    return channel
