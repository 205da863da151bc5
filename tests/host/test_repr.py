"""The `repr` of hosts, plugins and clients says name, kind, runtime and state."""

import asyncio

import pytest

from scaffold.host import AsyncHost, Host
from scaffold.kinds.text_processor_v1 import (
    AsyncTextProcessorDispatcher,
    ProcessInput,
    TextProcessorClient,
    TextProcessorDispatcher,
    TextProcessorPlugin,
)


class Echo(TextProcessorPlugin):
    def process(self, payload: ProcessInput) -> ProcessInput:
        return payload


class Broken(Echo):
    def setup(self, context):
        raise ValueError("no licence")


@pytest.mark.filterwarnings("error")
def test_a_host_its_plugins_and_their_clients_say_name_kind_runtime_and_state():
    host = Host()
    assert repr(host) == "<Host: no plugins>"
    with host:
        host.kind(TextProcessorDispatcher)
        host.add(Echo, "echo")
        host.add(Broken, "broken")
        waiting = "echo (text_processor 1.0.0, no runtime, registered)"
        assert repr(host.status["echo"]) == f"<Status {waiting}>"
        host.start()
        echo = "echo (text_processor 1.0.0, in_process, ready)"
        why = host.status["broken"].reason
        broken = f"broken (text_processor 1.0.0, no runtime, unavailable: {why})"
        assert repr(host) == f"<Host: {echo}, {broken}>"
        loaded, client = host["echo"], host.client("echo", TextProcessorClient)
        assert repr(loaded) == "<LoadedPlugin echo (text_processor 1.0.0, in_process, in use)>"
        channel = "<InProcessChannel echo (text_processor 1.0.0, open)>"
        assert repr(client.channel) == channel
        assert repr(client) == "<TextProcessorClient text_processor 1.0.0 over in_process>"
    assert repr(loaded) == "<LoadedPlugin echo (text_processor 1.0.0, in_process, closed)>"
    assert "closed" in repr(client.channel)


def test_an_async_host_says_the_same():
    async def main():
        async with AsyncHost() as host:
            host.kind(AsyncTextProcessorDispatcher)
            host.add(Echo, "echo")
            await host.start()
            assert repr(host) == "<AsyncHost: echo (text_processor 1.0.0, in_process, ready)>"
            assert "AsyncInProcessChannel echo" in repr(host["echo"].channel)

    asyncio.run(main())
