"""The peers' tools on FastMCP, with the validation that it does by default."""

import sys

from fastmcp import FastMCP

from benchmarks.kinds.tools import TOOLS

server = FastMCP("kinds")
for function in TOOLS:
    server.tool(function)

if __name__ == "__main__":
    if sys.argv[1:] == ["--http"]:
        from benchmarks.wire.servers.listen import serve

        serve(server.http_app())
    else:
        server.run(show_banner=False, log_level="WARNING")
