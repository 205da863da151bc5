"""One plugin that streams, behind every runtime, for hosts of both sorts."""

import asyncio
from contextlib import ExitStack

import pytest
import readers
from log_reader_v1 import AsyncLogReaderClient, LogReaderClient

from scaffold.host import AsyncInProcessChannel, InProcessChannel

END = object()


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


WAYS = {
    "in_process": in_process,
    "in_process-async": in_process_async,
}


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """The folder in which plugins leave words."""
    monkeypatch.setenv("NOTES", str(tmp_path))
    monkeypatch.setattr(readers, "NOTES", tmp_path)
    return tmp_path


@pytest.fixture(params=["Plain", "Awaited"])
def plugin(request):
    """A plugin of plain generators, and one of asynchronous ones."""
    return getattr(readers, request.param)


@pytest.fixture(params=WAYS)
def reader(request, plugin, notes):
    """A client of the plugin, over each runtime, for hosts of both sorts."""
    with ExitStack() as stack:
        yield WAYS[request.param](plugin, stack)
