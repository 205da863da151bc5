"""The host: read manifests, load plugins, and call them wherever they run."""

from scaffold.host.hosts import AsyncHost, Host
from scaffold.host.in_process import AsyncInProcessChannel, InProcessChannel
from scaffold.host.manifest import CORE_VERSION, Manifest, read_manifest
from scaffold.host.registry import LoadedPlugin

__all__ = [
    "CORE_VERSION",
    "AsyncHost",
    "AsyncInProcessChannel",
    "Host",
    "InProcessChannel",
    "LoadedPlugin",
    "Manifest",
    "read_manifest",
]
