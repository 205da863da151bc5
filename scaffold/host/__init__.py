"""The host: find plugins, start them, and call them in any runtime."""

from scaffold._lazy import import_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scaffold.host._async_host import AsyncHost
    from scaffold.host._host import Host
    from scaffold.host._in_process.async_channel import AsyncInProcessChannel
    from scaffold.host._in_process.channel import InProcessChannel
    from scaffold.host._lifecycle.lifecycle import Started
    from scaffold.host._middleware import HookCall, Middleware, Proceed
    from scaffold.host._registry.entries import LoadedPlugin, State, Status
    from scaffold.manifest._model import CORE_VERSION, Manifest, Runtime, read_manifest
    from scaffold.resources._standard import Clock

__all__ = [
    "CORE_VERSION",
    "AsyncHost",
    "AsyncInProcessChannel",
    "Clock",
    "HookCall",
    "Host",
    "InProcessChannel",
    "LoadedPlugin",
    "Manifest",
    "Middleware",
    "Proceed",
    "Runtime",
    "Started",
    "State",
    "Status",
    "read_manifest",
]

_HOMES = {
    "AsyncHost": "scaffold.host._async_host",
    "Host": "scaffold.host._host",
    "AsyncInProcessChannel": "scaffold.host._in_process.async_channel",
    "InProcessChannel": "scaffold.host._in_process.channel",
    "Started": "scaffold.host._lifecycle.lifecycle",
    "HookCall": "scaffold.host._middleware",
    "Middleware": "scaffold.host._middleware",
    "Proceed": "scaffold.host._middleware",
    "LoadedPlugin": "scaffold.host._registry.entries",
    "State": "scaffold.host._registry.entries",
    "Status": "scaffold.host._registry.entries",
    "CORE_VERSION": "scaffold.manifest._model",
    "Manifest": "scaffold.manifest._model",
    "Runtime": "scaffold.manifest._model",
    "read_manifest": "scaffold.manifest._model",
    "Clock": "scaffold.resources._standard",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        return import_name(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return [*__all__]
