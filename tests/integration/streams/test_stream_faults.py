"""What can go wrong with a stream between processes ends it with an error that says so."""

import asyncio
import sys
import threading
from contextlib import ExitStack, closing

import pytest
import streaming_plugins
from log_reader_v1 import LOG_READER, LogReaderClient, TailInput
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from ways_to_streams import HERE, mcp_http, mcp_stdio, server

from scaffold.client._stdio.async_channel import AsyncStdioChannel
from scaffold.client._stdio.channel import StdioChannel
from scaffold.contract._context.call_context import reporting_to
from scaffold.contract._errors.errors import (
    DeadlineExceeded,
    InvalidOutput,
    PeerCrashed,
    ProtocolError,
)
from scaffold.host import AsyncInProcessChannel, InProcessChannel
from scaffold.testing._plugin.sample_calls import with_timeout

REFUSALS = {
    "gap": (ProtocolError, "message 3 of the stream came instead of 2"),
    "lost": (ProtocolError, "1 items were received, and the server sent 2"),
    "flood": (ProtocolError, "more of a stream than it was allowed to"),
    "malformed": (ProtocolError, "1 items were received, and the server sent 2"),
    "invalid": (InvalidOutput, '"text" is a required property'),
    "no list": (ProtocolError, "not the end of a stream"),
    "silence": (DeadlineExceeded, "no answer to log_reader_demo_tail within 1 s"),
}


def faulty(fault):
    command = [sys.executable, "faulty_stream_server.py", fault]
    kind = with_timeout(LOG_READER, 1) if fault == "silence" else LOG_READER
    return command, {"kind": kind, "plugin": "demo", "cwd": HERE}


def read(channel, path="log"):
    hook = channel._connection.session.kind.hooks["tail"]
    payload = hook.input.load(f'{{"path": "{path}"}}')
    return channel.stream(hook)(payload)


async def read_async(fault):
    command, options = faulty(fault)
    channel = AsyncStdioChannel(command, **options)
    await channel.connect()
    try:
        return [item async for item in read(channel)]
    finally:
        await channel.aclose()


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_server_that_streams_wrongly_is_told_apart(fault, monkeypatch):
    for module in ("channel", "async_channel"):  # one that is busy writing hears of no end
        monkeypatch.setattr(f"scaffold.client._stdio.{module}.CLOSE_GRACE_PERIOD", 0.2)
    kind, words = REFUSALS[fault]
    command, options = faulty(fault)
    with closing(StdioChannel(command, **options)) as channel, pytest.raises(kind, match=words):
        list(read(channel))
    with pytest.raises(kind, match=words):
        asyncio.run(read_async(fault))


def test_a_server_that_knows_no_streams_is_read_as_one():
    command, options = faulty("whole")
    with closing(StdioChannel(command, **options)) as channel:
        assert [item.number for item in read(channel)] == [1, 1]
    assert [item.number for item in asyncio.run(read_async("whole"))] == [1, 1]


def test_an_item_after_the_end_does_no_harm():
    command, options = faulty("late")
    with closing(StdioChannel(command, **options)) as channel:
        assert list(read(channel)) == []
        assert LogReaderClient(channel).count("four") == 4


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("plugin", ["Plain", "Awaited"])
def test_a_process_that_dies_in_a_stream_is_started_again_for_the_next(plugin, stack, notes):
    reader = mcp_stdio(getattr(streaming_plugins, plugin), stack)
    got = []
    with pytest.raises(PeerCrashed, match="exit status 3"):
        got.extend(reader.tail(TailInput(path="death")))
    assert [item.number for item in got] == [1]
    assert reader.count("four") == 4


def test_a_hook_that_only_reads_is_called_again_if_nothing_has_come(stack, notes):
    reader = mcp_stdio(streaming_plugins.Plain, stack)
    assert [item.number for item in reader.tail(TailInput(path="once"))] == [1]
    assert (notes / "died").exists()


@pytest.mark.parametrize("plugin", [streaming_plugins.Plain, streaming_plugins.Awaited])
@pytest.mark.parametrize("runtime", ["in_process", "mcp_stdio", "mcp_http"])
def test_a_timeout_is_for_each_item(plugin, runtime, stack, notes):
    kind = with_timeout(LOG_READER, 1)
    if runtime == "in_process":
        channel = stack.enter_context(closing(InProcessChannel(plugin())))
    else:
        opened = {"mcp_stdio": mcp_stdio, "mcp_http": mcp_http}[runtime](plugin, stack)
        channel = opened.channel
    stream = channel.stream(kind.hooks["tail"])
    assert len(list(stream({"path": "steady"}))) == 8
    got = []
    with pytest.raises(DeadlineExceeded):
        got.extend(stream({"path": "slow"}))
    assert len(got) == 1


@pytest.mark.parametrize("plugin", [streaming_plugins.Plain, streaming_plugins.Awaited])
def test_a_timeout_is_for_each_item_in_an_event_loop(plugin, notes):
    kind = with_timeout(LOG_READER, 1)

    async def main():
        channel = AsyncInProcessChannel(plugin())
        items = channel.stream(kind.hooks["tail"])({"path": "slow"})
        assert (await anext(items))["number"] == 1
        with pytest.raises(DeadlineExceeded, match=r"no item within 1 s"):
            await anext(items)
        await channel.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("entry", ["Plain", "Awaited"])
@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_client_that_knows_no_streams_gets_a_list(entry, mode, notes):
    program, *arguments = server(getattr(streaming_plugins, entry))
    parameters = StdioServerParameters(command=program, args=arguments, cwd=HERE)
    told = []

    async def tell(progress, total, message):
        told.append((progress, total, message))

    async def main():
        async with Client(stdio_client(parameters), mode=mode) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            schema = tools["log_reader_demo_tail"].output_schema
            listed = schema if mode == "auto" else schema["properties"]["result"]
            assert listed["type"] == "array"
            wanted = {"path": "log", "lines": 2}
            answer = await client.call_tool("log_reader_demo_tail", wanted)
            items = answer.structured_content
            expected = [{"number": 1, "text": "text"}, {"number": 2, "text": "text"}]
            assert (items if mode == "auto" else items["result"]) == expected
            failed = await client.call_tool("log_reader_demo_tail", {"path": "missing"})
            assert failed.is_error
            assert "it is gone" in failed.content[0].text
            asked = {"path": "progress"}
            await client.call_tool("log_reader_demo_tail", asked, progress_callback=tell)

    asyncio.run(main())
    assert told == [(number, 3, "reading") for number in (1, 2, 3)]


def test_reports_of_progress_come_between_the_items(reader):
    told = []
    with reporting_to(lambda progress, total, message: told.append((progress, total, message))):
        items = reader.tail(TailInput(path="progress"))
    assert [item.number for item in items] == [1, 2, 3]
    assert told == [(number, 3, "reading") for number in (1, 2, 3)]


def test_a_stream_that_rests_does_not_keep_other_threads_from_their_answers(stack, notes):
    reader = mcp_stdio(streaming_plugins.Plain, stack)
    resting = reader.tail(TailInput(path="endless"))
    next(resting)
    answers = []

    def ask():
        answers.extend(reader.count("four") for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == [4] * 80
    resting.close()
