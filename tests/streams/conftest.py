"""One plugin that streams, behind every runtime, for hosts of both sorts."""

import asyncio
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import readers
from log_reader_v1 import LOG_READER, AsyncLogReaderClient, LogReaderClient

from scaffold.client.stdio.async_channel import AsyncStdioChannel
from scaffold.client.stdio.channel import StdioChannel
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
    return [sys.executable, "-m", "scaffold.server", f"readers:{plugin.__name__}", "--name", "demo"]


def mcp_stdio(plugin, stack):
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


WAYS = {
    "mcp_stdio": mcp_stdio,
    "mcp_stdio-async": mcp_stdio_async,
    "in_process": in_process,
    "in_process-async": in_process_async,
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The folder in which plugins leave words."""
    folder = tmp_path_factory.mktemp("notes")
    os.environ["NOTES"] = str(folder)
    readers.NOTES = folder
    return folder


@pytest.fixture
def notes(folder):
    """The same, empty."""
    for word in folder.iterdir():
        word.unlink()
    return folder


@pytest.fixture(scope="session", params=["Plain", "Awaited"])
def plugin(request):
    """A plugin of plain generators, and one of asynchronous ones."""
    return getattr(readers, request.param)


@pytest.fixture(scope="session", params=WAYS)
def _opened(request, plugin, folder):
    with ExitStack() as stack:
        yield WAYS[request.param](plugin, stack)


@pytest.fixture
def reader(_opened, notes):
    """A client of the plugin, over each runtime, for hosts of both sorts."""
    return _opened
