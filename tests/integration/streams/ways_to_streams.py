"""The ways to a plugin that streams: every runtime, for hosts of both sorts."""

import asyncio
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from log_reader_v1 import LOG_READER, AsyncLogReaderClient, LogReaderClient

from scaffold.client._http import AsyncHttpChannel, HttpChannel
from scaffold.client._stdio.async_channel import AsyncStdioChannel
from scaffold.client._stdio.channel import StdioChannel
from scaffold.host import AsyncInProcessChannel, InProcessChannel

END = object()
HERE = Path(__file__).parent


class Awaiting:
    """Calls a client of an event loop as one that waits is called: each step in another task."""

    def __init__(self, client, runner):
        self._client = client
        self._runner = runner

    def tail(self, payload):
        return self._items(self._client.tail(payload))

    def levels(self):
        return self._items(self._client.levels())

    def count(self, payload):
        return self._run(self._client.count, payload)

    def _items(self, made):
        try:
            while (item := self._run(anext, made, END)) is not END:
                yield item
        finally:
            self._run(made.aclose)

    def _run(self, function, *arguments):
        async def work():
            return await function(*arguments)

        return self._runner.run(work())


def in_process(plugin, _stack):
    channel = InProcessChannel(plugin(), name="demo")
    _stack.callback(channel.close)
    return LogReaderClient(channel)


def in_process_async(plugin, stack):
    runner = stack.enter_context(asyncio.Runner())
    channel = AsyncInProcessChannel(plugin(), name="demo")
    stack.callback(lambda: runner.run(channel.aclose()))
    return Awaiting(AsyncLogReaderClient(channel), runner)


def server(plugin):
    entry_point = f"streaming_plugins:{plugin.__name__}"
    return [sys.executable, "-m", "scaffold.server", entry_point, "--name", "demo"]


def old_server(plugin):
    return [sys.executable, "old_server.py", f"streaming_plugins:{plugin.__name__}"]


def mcp_stdio(plugin, stack, server=server):
    channel = StdioChannel(server(plugin), kind=LOG_READER, plugin="demo", cwd=HERE, timeout=10)
    stack.callback(channel.close)
    return LogReaderClient(channel)


def mcp_stdio_async(plugin, stack):
    runner = stack.enter_context(asyncio.Runner())

    async def connect():
        channel = AsyncStdioChannel(server(plugin), kind=LOG_READER, plugin="demo", cwd=HERE)
        await channel.connect()
        return channel

    channel = runner.run(connect())
    stack.callback(lambda: runner.run(channel.aclose()))
    return Awaiting(AsyncLogReaderClient(channel), runner)


def served(plugin, stack, server):
    """Serve the plugin over HTTP, and return the URL."""
    log = Path(stack.enter_context(TemporaryDirectory()), "log")
    words = stack.enter_context(log.open("w"))
    command = [*server(plugin), "--http", "--port", "0"]
    env = {**os.environ, "MCP_TRUST_METADATA": "true"}
    process = stack.enter_context(subprocess.Popen(command, cwd=HERE, stderr=words, env=env))
    stack.callback(process.terminate)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for line in log.read_text().splitlines():
            if line.startswith("listening on "):
                return line.split()[-1]
        time.sleep(0.02)
    raise AssertionError("the server does not listen")


def mcp_http(plugin, stack, server=server):
    url = served(plugin, stack, server)
    channel = HttpChannel(url, kind=LOG_READER, plugin="demo", timeout=10)
    stack.callback(channel.close)
    return LogReaderClient(channel)


def mcp_http_async(plugin, stack, server=server):
    url = served(plugin, stack, server)
    runner = stack.enter_context(asyncio.Runner())

    async def connect():
        return await AsyncHttpChannel(url, kind=LOG_READER, plugin="demo", timeout=10).connect()

    channel = runner.run(connect())
    stack.callback(lambda: runner.run(channel.aclose()))
    return Awaiting(AsyncLogReaderClient(channel), runner)


WAYS = {
    "mcp_http": mcp_http,
    "mcp_http-async": mcp_http_async,
    "mcp_http-old": partial(mcp_http, server=old_server),
    "mcp_http-old-async": partial(mcp_http_async, server=old_server),
    "mcp_stdio": mcp_stdio,
    "mcp_stdio-old": partial(mcp_stdio, server=old_server),
    "mcp_stdio-async": mcp_stdio_async,
    "in_process": in_process,
    "in_process-async": in_process_async,
}
