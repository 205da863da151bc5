"""A dispatcher opens the stream of the plugin that the hook's class asks for."""

import asyncio

import pytest
import streaming_plugins
from log_reader_v1 import (
    AsyncLogReaderDispatcher,
    LogReaderDispatcher,
    TailInput,
)

from scaffold.contract import Wanted
from scaffold.contract._errors.errors import InternalError, NoCapableHandler, PluginError
from scaffold.host import AsyncHost, Host
from scaffold.testing._plugin.sample_calls import with_timeout


class Levels(streaming_plugins.Plain):
    """Knows other levels."""

    def levels(self):
        yield "info"


def test_the_active_plugin_streams(notes):
    with Host() as host:
        logs = host.kind(LogReaderDispatcher)
        host.add(streaming_plugins.Plain, "low", priority=1)
        host.add(streaming_plugins.Awaited, "high", priority=2)
        host.start()
        assert [line.number for line in logs.tail(TailInput(path="log", lines=2))] == [1, 2]
        lines = logs.tail(TailInput(path="endless"))
        assert next(lines).number == 1
        lines.close()
        assert (notes / "closed").exists()


def test_the_capable_plugin_streams(notes):
    async def main():
        async with AsyncHost() as host:
            logs = host.kind(AsyncLogReaderDispatcher)
            host.add(Levels, "markdown", supports_extensions=[".md"], priority=2)
            host.add(streaming_plugins.Awaited, "any", fallback=True, priority=1)
            await host.start()
            assert [level async for level in logs.levels(Wanted.of_file("a.md"))] == ["info"]
            found = [level async for level in logs.levels(Wanted.of_file("a.txt"))]
            assert found == ["debug", "error"]

    asyncio.run(main())


def test_with_nobody_to_ask_the_call_itself_fails(notes):
    with Host() as host:
        logs = host.kind(LogReaderDispatcher)
        host.start()
        with pytest.raises(NoCapableHandler):
            logs.tail(TailInput(path="log"))


def test_a_policy_chooses_when_the_stream_is_opened(notes):
    with Host() as host:
        logs = host.kind(LogReaderDispatcher)
        host.route(LogReaderDispatcher.kind, lambda metadata: metadata.get("plugin"))
        host.add(streaming_plugins.Plain, "one", priority=1)
        host.add(Levels, "two", priority=2)
        host.start()
        assert next(iter(logs.tail(TailInput(path="log")))).number == 1


def test_a_stream_hook_that_streams_nothing_is_the_plugins_failure(notes):
    with Host() as host:
        logs = host.kind(LogReaderDispatcher)
        host.add(streaming_plugins.NoGenerator, "odd")
        host.start()
        with pytest.raises(InternalError):
            list(logs.tail(TailInput(path="log")))
        with pytest.raises(InternalError):
            list(logs.levels(Wanted()))


def test_a_plugin_whose_hook_does_not_stream_cannot_be_bound_as_if_it_did(notes):
    from scaffold.host import InProcessChannel

    class Whole(streaming_plugins.Plain):
        kind = with_timeout(streaming_plugins.Plain.kind, 1)

    whole = Whole.kind.contract
    hooks = {name: {**hook, "stream": False} for name, hook in whole["hooks"].items()}
    Whole.kind = type(Whole.kind).from_contract({**whole, "hooks": hooks})
    channel = InProcessChannel(Whole())
    with pytest.raises(PluginError, match="answers in one piece"):
        channel.stream(streaming_plugins.Plain.kind.hooks["tail"])
    channel.close()
