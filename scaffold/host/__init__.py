"""The host: find plugins, start them, and call them wherever they run."""

from scaffold.host.async_hosts import AsyncHost
from scaffold.host.hosts import Host
from scaffold.host.in_process import AsyncInProcessChannel, InProcessChannel
from scaffold.host.lifecycle import Started
from scaffold.host.manifest import CORE_VERSION, Manifest, read_manifest
from scaffold.host.middleware import HookCall, Middleware, Proceed
from scaffold.host.registry import LoadedPlugin, State, Status
from scaffold.resources.clock import Clock

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
    "Started",
    "State",
    "Status",
    "read_manifest",
]
