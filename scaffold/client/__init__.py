"""Channels to plugins in other processes: MCP over stdio and HTTP, blocking and awaited.

A host opens channels by itself. Use these classes to call a plugin, or a server of another project,
without a host.
"""

from scaffold._lazy import import_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scaffold.client._http.async_channel import AsyncHttpChannel
    from scaffold.client._http.channel import HttpChannel
    from scaffold.client._process.fork_server_client import ForkServers
    from scaffold.client._stdio.async_channel import AsyncStdioChannel
    from scaffold.client._stdio.channel import StdioChannel

__all__ = [
    "AsyncHttpChannel",
    "AsyncStdioChannel",
    "ForkServers",
    "HttpChannel",
    "StdioChannel",
]

_HOMES = {
    "AsyncHttpChannel": "scaffold.client._http.async_channel",
    "HttpChannel": "scaffold.client._http.channel",
    "ForkServers": "scaffold.client._process.fork_server_client",
    "AsyncStdioChannel": "scaffold.client._stdio.async_channel",
    "StdioChannel": "scaffold.client._stdio.channel",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        return import_name(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return [*__all__]
