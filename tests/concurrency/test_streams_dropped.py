"""A stream that nobody has any more ends in a finaliser, which waits for nothing."""

from contextlib import ExitStack

import pytest
import streaming_plugins
from log_reader_v1 import LogReaderClient, TailInput
from observed_plugins import PATIENCE, Gate, in_thread
from ways_to_streams import WAYS

from scaffold.client._http import HttpChannel
from scaffold.host import InProcessChannel
from scaffold.host._in_process import stream_steps

ENDLESS = TailInput(path="endless")


class ClosesSlowly(streaming_plugins.Awaited):
    def __init__(self):
        self.gate = Gate()

    async def tail(self, payload):
        try:
            for number in range(1, 10):
                yield streaming_plugins.line(number)
        finally:
            await self.gate.pass_by_async()


def drop_at_second_item(reader):
    for _ in reader.tail(ENDLESS):
        break


def test_a_dropped_stream_does_not_wait_for_the_end_of_an_async_generator(monkeypatch):
    monkeypatch.setattr(stream_steps, "_CLOSING", 10 * PATIENCE)
    plugin = ClosesSlowly()
    channel = InProcessChannel(plugin, name="demo")
    in_thread(lambda: drop_at_second_item(LogReaderClient(channel)))()
    assert plugin.gate.reached.wait(PATIENCE)
    plugin.gate.open.set()
    channel.close()


def test_a_closed_stream_waits_for_the_end_of_an_async_generator():
    plugin = ClosesSlowly()
    plugin.gate.open.set()
    channel = InProcessChannel(plugin, name="demo")
    items = LogReaderClient(channel).tail(ENDLESS)
    next(items)
    items.close()
    assert plugin.gate.reached.is_set()
    channel.close()


def test_what_an_async_generator_raises_as_it_is_dropped_is_in_the_log(caplog):
    class Fails(streaming_plugins.Awaited):
        async def tail(self, payload):
            try:
                yield streaming_plugins.line(1)
            finally:
                raise ValueError("it cannot be closed")

    channel = InProcessChannel(Fails(), name="demo")
    drop_at_second_item(LogReaderClient(channel))
    channel.close()
    assert "it cannot be closed" in caplog.text


def test_a_dropped_stream_does_not_wait_for_a_server_to_hear_of_it(monkeypatch):
    gate, post = Gate(), HttpChannel._post

    async def post_slowly(channel, send):
        gate.pass_by()
        await post(channel, send)

    with ExitStack() as stack:
        reader = WAYS["mcp_http-old"](streaming_plugins.Plain, stack)
        monkeypatch.setattr(HttpChannel, "_post", post_slowly)
        in_thread(lambda: drop_at_second_item(reader))()
        assert gate.reached.wait(PATIENCE)
        gate.open.set()
        assert reader.count("four") == 4


@pytest.mark.filterwarnings("ignore:.*unclosed <socket", "ignore:Exception ignored in")
@pytest.mark.parametrize("way", ["mcp_stdio", "mcp_http", "in_process"])
def test_streams_that_are_dropped_within_a_call_hurt_no_other(way):
    with ExitStack() as stack:
        reader = WAYS[way](streaming_plugins.Plain, stack)
        for _ in range(20):
            cycle = [reader.tail(ENDLESS)]
            cycle.append(cycle)
            next(cycle[0])
            del cycle  # the collector finds it, at some moment of a call
            assert [reader.count("four") for _ in range(3)] == [4, 4, 4]
