"""The same tool on the official SDK, with the validation that it does by default."""

import sys

from mcp.server import MCPServer
from pydantic import BaseModel

server = MCPServer("bench", log_level="WARNING")


class Item(BaseModel):
    """One thing of a list."""

    id: int
    name: str
    price: float
    active: bool
    tags: list[str]


class Answer(BaseModel):
    """A number, a text and a list."""

    number: int
    text: str
    items: list[Item]


@server.tool()
def echo(number: int, text: str, items: list[Item]) -> Answer:
    """Answer with the payload."""
    return Answer(number=number, text=text, items=items)


if __name__ == "__main__":
    if sys.argv[1:] == ["--http"]:
        from benchmarks.wire.servers.listen import serve

        serve(server.streamable_http_app())
    else:
        server.run()
