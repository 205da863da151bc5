"""The same tool on FastMCP, with the validation that it does by default."""

import sys

from fastmcp import FastMCP
from pydantic import BaseModel

server = FastMCP("bench")


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


@server.tool
def echo(number: int, text: str, items: list[Item]) -> Answer:
    """Answer with the payload."""
    return Answer(number=number, text=text, items=items)


if __name__ == "__main__":
    if sys.argv[1:] == ["--http"]:
        from benchmarks.wire.servers.listen import serve

        serve(server.http_app())
    else:
        server.run(show_banner=False, log_level="WARNING")
