"""The official SDK's server over HTTP, in every way it can be run; prints the URLs as JSON.

`legacy` stands for a server from before 2026-07-28: what that era asks is turned away.
"""

import asyncio
import json
import socket
import sys
from typing import Annotated, Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from pydantic import Field


def make_server() -> MCPServer:
    server = MCPServer("peer", log_level="CRITICAL")

    @server.tool()
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @server.tool()
    async def count(steps: int, context: Context) -> str:
        """Report progress, then answer."""
        for step in range(steps):
            await context.report_progress(step, steps)
        return f"counted {steps}"

    @server.tool()
    def fail(reason: str) -> str:
        """Fail."""
        raise ValueError(reason)

    @server.tool()
    async def sleep(seconds: float) -> str:
        """Answer late."""
        await asyncio.sleep(seconds)
        return "slept"

    @server.tool()
    def routed(
        region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})],
        note: str = "",
    ) -> str:
        """Answer with a parameter that is mirrored in a header."""
        return region

    return server


def without_modern_era(app: Any) -> Any:
    async def legacy(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        if headers.get(b"mcp-protocol-version") != b"2026-07-28":
            await app(scope, receive, send)
            return
        start = {"type": "http.response.start", "status": 400, "headers": []}
        await send(start)
        await send({"type": "http.response.body", "body": b"Bad Request: unsupported version"})

    return legacy


async def main() -> None:
    apps = {
        "modern": make_server().streamable_http_app(),
        "modern-json": make_server().streamable_http_app(json_response=True),
        "legacy": without_modern_era(make_server().streamable_http_app()),
        "legacy-json": without_modern_era(make_server().streamable_http_app(json_response=True)),
        "legacy-stateless": without_modern_era(
            make_server().streamable_http_app(stateless_http=True)
        ),
    }
    urls, serving = {}, []
    for name, app in apps.items():
        # asyncio sets TCP_NODELAY only on sockets that say that they are TCP.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        urls[name] = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        serving.append(server.serve(sockets=[listener]))
    sys.stdout.write(json.dumps(urls) + "\n")
    sys.stdout.flush()
    await asyncio.gather(*serving)


asyncio.run(main())
