"""Foreign servers with a fault, over every transport, blocking and awaited."""

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from odd_server import Server, serve_http

from scaffold.client._http import AsyncHttpChannel, HttpChannel
from scaffold.client._stdio.async_channel import AsyncStdioChannel
from scaffold.client._stdio.channel import StdioChannel
from scaffold.kinds.tool_v1 import TOOL, AsyncToolClient, ExecuteInput, ToolClient

COMMAND = [sys.executable, "-S", str(Path(__file__).with_name("odd_server.py"))]


class Tool:
    """A server as a plugin of the kind `tool`, with one face for both ways to wait."""

    def __init__(self, client, wait, channel):
        self._client, self._wait, self.channel = client, wait, channel

    def names(self):
        return [function.name for function in self._wait(self._client.get_schema())]

    def call(self, function="echo", **args):
        return self._wait(self._client.execute(ExecuteInput(function=function, args=args)))


@contextmanager
def blocking(make):
    channel = make()
    with ToolClient(channel) as client:
        yield Tool(client, lambda value: value, channel)


@contextmanager
def awaited(make):
    with asyncio.Runner() as runner:
        channel = make()
        runner.run(channel.connect())
        client = AsyncToolClient(channel)
        try:
            yield Tool(client, runner.run, channel)
        finally:
            runner.run(client.aclose())


@contextmanager
def over_stdio(way, channel, fault, **options):
    with way(lambda: channel([*COMMAND, fault], kind=TOOL, plugin="odd", **options)) as tool:
        yield tool


@contextmanager
def over_http(way, channel, fault, **options):
    server = serve_http(Server(fault))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/mcp"
        with way(lambda: channel(url, kind=TOOL, plugin="odd", **options)) as tool:
            yield tool
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


WAYS: dict[str, Callable] = {
    "stdio": lambda *a, **k: over_stdio(blocking, StdioChannel, *a, **k),
    "stdio, awaited": lambda *a, **k: over_stdio(awaited, AsyncStdioChannel, *a, **k),
    "http": lambda *a, **k: over_http(blocking, HttpChannel, *a, **k),
    "http, awaited": lambda *a, **k: over_http(awaited, AsyncHttpChannel, *a, **k),
}
