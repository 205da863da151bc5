"""A plugin may raise what is not an `Exception`: callers get an error, and the next call works."""

import asyncio
import contextlib
import re
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import aborting_plugin
import pytest
from aborting_plugin import ABORTS, Panic
from observed_plugins import PATIENCE, in_thread, text

from scaffold.client._http import HttpChannel
from scaffold.client._stdio.channel import StdioChannel
from scaffold.contract._errors.errors import InternalError
from scaffold.host import AsyncHost, Host
from scaffold.kinds.text_processor_v1 import (
    TEXT_PROCESSOR,
    AsyncTextProcessorClient,
    AsyncTextProcessorDispatcher,
    TextProcessorClient,
    TextProcessorDispatcher,
)

HERE = Path(__file__).parent
COMMAND = [sys.executable, "-m", "scaffold.server"]


@contextlib.contextmanager
def over_stdio(made):
    command = [*COMMAND, f"aborting_plugin:{made}", "--name", "p"]
    channel = StdioChannel(command, kind=TEXT_PROCESSOR, plugin="p", cwd=HERE)
    try:
        yield TextProcessorClient(channel)
    finally:
        channel.close()


@contextlib.contextmanager
def over_http(made):
    command = [*COMMAND, f"aborting_plugin:{made}", "--name", "p", "--http", "--port", "0"]
    server = subprocess.Popen(command, cwd=HERE, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/mcp", server.stderr.readline())
    assert found is not None
    reader = threading.Thread(target=server.stderr.read)
    reader.start()
    channel = HttpChannel(found[0], kind=TEXT_PROCESSOR, plugin="p")
    try:
        yield TextProcessorClient(channel)
    finally:
        channel.close()
        server.terminate()
        assert server.wait(PATIENCE) == 0
        reader.join(PATIENCE)
        server.stderr.close()


@pytest.mark.parametrize("made", ["Plain", "Awaited"])
@pytest.mark.parametrize("served", [over_stdio, over_http])
def test_a_server_answers_an_aborted_call_and_the_next_one(served, made):
    with served(made) as client:
        for abort in ABORTS:
            with pytest.raises(InternalError, match=abort):
                in_thread(partial(client.process, text(abort)))()
            assert in_thread(lambda: client.process(text("next")))().text == "next"


def plugin(base, **methods):
    return type("Aborting", (base,), methods)


@pytest.mark.parametrize("abort", ABORTS)
def test_an_awaited_hook_ends_no_event_loop_of_its_plugin(abort):
    gate = asyncio.Event()

    async def process(self, payload):
        if payload.text == "waits":
            await gate.wait()
        if payload.text == "opens":
            gate.set()
        return aborting_plugin.abort(payload)

    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.add(plugin(aborting_plugin.Awaited, process=process), "p")
        host.start()
        client = host.client("p", TextProcessorClient)
        waits = in_thread(lambda: client.process(text("waits")))
        with pytest.raises(GeneratorExit if abort == "GeneratorExit" else InternalError):
            client.process(text(abort))
        client.process(text("opens"))
        assert waits().text == "waits"


@pytest.mark.parametrize("abort", ABORTS)
def test_a_hook_in_a_thread_of_a_pool_gives_its_caller_an_error(abort):
    async def main():
        async with AsyncHost() as host:
            host.kind(AsyncTextProcessorDispatcher)
            host.add(aborting_plugin.Plain, "p", execution_model="thread_cpu_bound")
            await host.start()
            client = host.client("p", AsyncTextProcessorClient)
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(InternalError, match=abort):
                    await client.process(text(abort))
                assert (await client.process(text("next"))).text == "next"

    asyncio.run(main())


@pytest.mark.parametrize("word", ["CancelledError", "a task of its own"])
def test_a_caller_that_was_not_cancelled_gets_no_cancellation(word):
    async def main():
        async with AsyncHost() as host:
            host.kind(AsyncTextProcessorDispatcher)
            host.add(aborting_plugin.Awaited, "p")
            await host.start()
            client = host.client("p", AsyncTextProcessorClient)
            with pytest.raises(InternalError, match="CancelledError"):
                await client.process(text(word))
            task = asyncio.create_task(client.process(text(word)))
            await asyncio.wait([task])
            assert not task.cancelled()
            assert isinstance(task.exception(), InternalError)

    asyncio.run(main())


def test_a_blocking_caller_gets_no_cancellation():
    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.add(aborting_plugin.Plain, "p")
        host.start()
        client = host.client("p", TextProcessorClient)
        with pytest.raises(InternalError, match="CancelledError"):
            client.process(text("CancelledError"))
        with pytest.raises(Panic):  # it is as good as an exception of a signal handler
            client.process(text("Panic"))
        assert client.process(text("next")).text == "next"


@pytest.mark.parametrize("abort", ABORTS)
@pytest.mark.parametrize("base", [aborting_plugin.Plain, aborting_plugin.Awaited])
def test_a_setup_that_aborts_fails_at_once(base, abort):
    def setup(self, context):
        raise ABORTS[abort]

    async def setup_async(self, context):
        raise ABORTS[abort]

    made = plugin(base, setup=setup if base is aborting_plugin.Plain else setup_async)
    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.add(made, "p")
        in_thread(host.start)()  # within the startup timeout
        assert host.status["p"].state == "unavailable"
        assert abort in host.status["p"].reason


def test_setups_next_to_one_that_aborts_are_made():
    def setup(self, context):
        raise KeyboardInterrupt

    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.add(plugin(aborting_plugin.Plain, setup=setup), "aborts")
        host.add(aborting_plugin.Plain, "works")
        in_thread(host.start)()
        states = {name: status.state for name, status in host.status.items()}
        assert states == {"aborts": "unavailable", "works": "ready"}


@pytest.mark.parametrize("abort", ["CancelledError", "SystemExit"])
def test_a_setup_in_the_loop_of_the_caller_cancels_no_start(abort):
    async def setup(self, context):
        raise ABORTS[abort]

    async def main():
        async with AsyncHost() as host:
            host.kind(AsyncTextProcessorDispatcher)
            host.add(plugin(aborting_plugin.Awaited, setup=setup), "p")
            await host.start()
            assert host.status["p"].state == "unavailable"
            assert abort in host.status["p"].reason

    asyncio.run(main())
