"""Who is measured: ours in each runtime, and the peers in the same place.

Every side is an async context manager that yields one call for each row: a function without
arguments that makes the call once. An awaited side yields coroutine functions.
"""

import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from benchmarks.kinds.calls import CALLS, HookCall, class_name
from benchmarks.kinds.projects import plugin_folder, serving
from benchmarks.wire.processes import listening
from scaffold.host import AsyncHost, Host

__all__ = ["SIDES", "Calls", "Side"]

Calls = Mapping[str, Callable[[], Any]]
"""Title of a row → what makes one call."""


@dataclass(frozen=True, slots=True)
class Side:
    """One way to call the hooks of all kinds."""

    name: str
    runtime: str
    awaited: bool
    open: Callable[[Path], AbstractAsyncContextManager[Calls]]


def _measured(runtime: str) -> Iterable[HookCall]:
    return (call for call in CALLS if call.remote or runtime == "in_process")


@asynccontextmanager
async def _ours(root: Path, *, runtime: str, awaited: bool) -> AsyncIterator[Calls]:
    calls = list(_measured(runtime))
    kinds = list(dict.fromkeys(call.kind for call in calls))
    with serving(root, kinds) if runtime == "mcp_http" else nullcontext():
        if awaited:
            async with AsyncHost() as host:
                clients = {
                    kind: await host.load(
                        plugin_folder(root, kind), _client(kind, "Async"), runtime=runtime
                    )
                    for kind in kinds
                }
                yield _calls_of(clients, calls)
        else:
            with Host() as host:
                clients = {
                    kind: host.load(plugin_folder(root, kind), _client(kind), runtime=runtime)
                    for kind in kinds
                }
                yield _calls_of(clients, calls)


def _client(kind: str, prefix: str = "") -> Any:
    bindings = import_module(f"scaffold.kinds.{kind}_v1")
    return getattr(bindings, prefix + class_name(kind, "Client"))


def _calls_of(receivers: Mapping[str, Any], calls: Iterable[HookCall]) -> Calls:
    return {
        call.title: partial(getattr(receivers[call.kind], call.hook), *call.arguments())
        for call in calls
    }


def _direct_plugins(root: Path) -> dict[str, Any]:
    """Make each plugin as its author's own program would: import the class, and call it."""
    plugins = {}
    for kind in dict.fromkeys(call.kind for call in CALLS):
        folder = plugin_folder(root, kind)
        sys.path.insert(0, str(folder))
        module = import_module(f"{folder.name}.plugin")
        plugins[kind] = getattr(module, class_name(folder.name, "Plugin"))()
    return plugins


@asynccontextmanager
async def _direct(root: Path) -> AsyncIterator[Calls]:
    yield _calls_of(_direct_plugins(root), CALLS)


@asynccontextmanager
async def _pluggy(root: Path) -> AsyncIterator[Calls]:
    import pluggy

    def copied(function: Any) -> FunctionType:
        return FunctionType(function.__code__, function.__globals__)

    calls: dict[str, Callable[[], Any]] = {}
    plugins = _direct_plugins(root)
    specify, implement = pluggy.HookspecMarker("kinds"), pluggy.HookimplMarker("kinds")
    for call in CALLS:
        manager = pluggy.PluginManager("kinds")
        implementation = type(plugins[call.kind]).__dict__[call.hook]
        # pluggy takes the names of the arguments from the author's own signature.
        spec = type("Spec", (), {call.hook: specify(firstresult=True)(copied(implementation))})
        manager.add_hookspecs(spec())
        plugin = type("Plugin", (), {call.hook: implement(copied(implementation))})
        manager.register(plugin())
        hook = getattr(manager.hook, call.hook)
        payload = call.arguments()
        calls[call.title] = partial(hook, payload=payload[0]) if payload else hook
    yield calls


@asynccontextmanager
async def _dagstack(root: Path) -> AsyncIterator[Calls]:
    from dagstack.plugin_system import PluginRegistry
    from dagstack.plugin_system.manifest import PluginManifest

    _direct_plugins(root)
    registry = PluginRegistry()
    for kind in dict.fromkeys(call.kind for call in CALLS):
        name = plugin_folder(root, kind).name
        registry.register_manifest(
            PluginManifest(
                schema_version="1",
                name=name,
                kind=kind,
                kind_api_version="1",
                core_version=">=0",
                runtime="in_process",
                entry_point=f"{name}.plugin:{class_name(name, 'Plugin')}",
            )
        )

    def call_once(call: HookCall, arguments: tuple[Any, ...]) -> Any:
        return getattr(registry.get_plugin(call.kind), call.hook)(*arguments)

    yield {call.title: partial(call_once, call, call.arguments()) for call in CALLS}


@asynccontextmanager
async def _peer(_root: Path, *, package: str, http: bool) -> AsyncIterator[Calls]:
    command = [sys.executable, "-m", f"benchmarks.kinds.{package}_server"]
    with listening([*command, "--http"]) if http else nullcontext(command) as target:
        async with _CLIENTS[package](target) as client:
            yield {
                call.title: _tool_call(client, call)
                for call in _measured("remote")
                if call.tool or call.hook == "get_schema"
            }


def _tool_call(client: Any, call: HookCall) -> Callable[[], Any]:
    if call.payload is None:
        return client.list_tools  # type: ignore[no-any-return]
    arguments = call.payload["args"] if call.kind == "tool" else dict(call.payload)
    return partial(client.call_tool, call.tool, arguments)


def _sdk_client(target: list[str] | str) -> Any:
    from mcp import Client, StdioServerParameters

    if isinstance(target, str):
        return Client(target)
    return Client(StdioServerParameters(command=target[0], args=target[1:]))


def _fastmcp_client(target: list[str] | str) -> Any:
    from fastmcp import Client
    from fastmcp.client.transports import StdioTransport

    if isinstance(target, str):
        return Client(target)
    return Client(StdioTransport(target[0], target[1:], keep_alive=False))


_CLIENTS: Final = {"sdk": _sdk_client, "fastmcp": _fastmcp_client}


def _our_side(runtime: str, *, awaited: bool) -> Side:
    name = f"ours, {runtime}" + (", awaited" if awaited else "")
    return Side(name, runtime, awaited, partial(_ours, runtime=runtime, awaited=awaited))


SIDES: Final = {
    side.name: side
    for side in (
        Side("direct", "in_process", awaited=False, open=_direct),
        Side("pluggy", "in_process", awaited=False, open=_pluggy),
        Side("dagstack", "in_process", awaited=False, open=_dagstack),
        *(
            _our_side(runtime, awaited=awaited)
            for runtime in ("in_process", "mcp_stdio", "mcp_http")
            for awaited in (False, True)
        ),
        *(
            Side(
                f"{name}, {runtime}",
                runtime,
                awaited=True,
                open=partial(_peer, package=package, http=runtime == "mcp_http"),
            )
            for name, package in (("SDK", "sdk"), ("FastMCP", "fastmcp"))
            for runtime in ("mcp_stdio", "mcp_http")
        ),
    )
}
