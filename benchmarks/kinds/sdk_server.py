"""The peers' tools on the official SDK, with the validation that it does by default."""

import sys

from mcp.server import MCPServer

from benchmarks.kinds.tools import TOOLS

server = MCPServer("kinds", log_level="WARNING")
for function in TOOLS:
    server.tool()(function)

if __name__ == "__main__":
    if sys.argv[1:] == ["--http"]:
        from benchmarks.wire.servers.listen import serve

        serve(server.streamable_http_app())
    else:
        server.run()
