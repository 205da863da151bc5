"""Everything that is measured: a client and a server on each line."""

import sys
from dataclasses import dataclass
from typing import Final

__all__ = ["REQUIRED", "SIDES", "Side"]

REQUIRED: Final = ("fastmcp", "httptools", "mcp", "orjson", "uvloop")
"""What `benchmarks/requirements.txt` brings."""


@dataclass(frozen=True, slots=True)
class Side:
    """One client calling one server."""

    name: str
    client: str
    """`module:function` in `benchmarks.wire.clients`; opens a `Connection`."""
    server: tuple[str, ...]
    """The arguments of the interpreter that runs the server."""
    loop: str = ""
    """Empty for a client that waits; `asyncio` or `uvloop` for one that is awaited."""
    http: bool = False
    """True if the server listens; it says 'listening on URL' on stderr."""
    parallel: bool = True
    """False if the client cannot have more than one call in flight."""
    forked: bool = False
    """True if a fork server is there before the client: only the start is measured."""

    @property
    def command(self) -> list[str]:
        """The server's command."""
        return [sys.executable, *self.server]


_OURS = ("-m", "scaffold.server", "benchmarks.wire.servers.ours:EchoPlugin", "--name", "bench")
_OURS_HTTP = (*_OURS, "--http", "--port", "0")
_RAW = ("-m", "benchmarks.wire.servers.raw")
_BY_HAND = ("-m", "benchmarks.wire.servers.by_hand")
_ASGI = ("-m", "benchmarks.wire.servers.asgi")
_SDK = ("-m", "benchmarks.wire.servers.sdk")
_FAST = ("-m", "benchmarks.wire.servers.fast")

SIDES: Final = {
    side.name: side
    for side in (
        Side("raw pipe", "raw:stdio", _RAW, parallel=False),
        Side("raw pipe, async", "raw:stdio_async", _RAW, "asyncio"),
        Side("raw + pydantic", "raw:by_hand", _BY_HAND, parallel=False),
        Side("ours", "ours:connect", _OURS),
        Side("ours, exact schema", "ours:connect_exact", _OURS, parallel=False),
        Side("ours, forked", "ours:fork_server", _OURS, forked=True),
        Side("ours, async", "ours:connect_async", _OURS, "asyncio"),
        Side("ours, async on uvloop", "ours:connect_async", _OURS, "uvloop"),
        Side("SDK", "sdk:connect", _SDK, "asyncio"),
        Side("FastMCP", "fast:connect", _FAST, "asyncio"),
        Side("minimal ASGI", "raw:http", _ASGI, http=True),
        Side("minimal ASGI, async", "raw:http_async", _ASGI, "asyncio", http=True),
        Side("ours, HTTP", "ours:connect", _OURS_HTTP, http=True),
        Side("ours, HTTP, async", "ours:connect_async", _OURS_HTTP, "asyncio", http=True),
        Side("SDK, HTTP", "sdk:connect", (*_SDK, "--http"), "asyncio", http=True),
        Side("FastMCP, HTTP", "fast:connect", (*_FAST, "--http"), "asyncio", http=True),
    )
}
