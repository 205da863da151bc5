"""Whichever await is cancelled: nothing hangs, nothing is left, and the next call works."""

import asyncio
import os
import signal

import pytest
from cancelled_steps import WAYS, cancel_everywhere
from observed_plugins import PATIENCE
from slow_channels import asked, open_awaited
from storm_plugin import CLIENTS, WIRES, counts, folder_for, said

from scaffold.contract._errors.errors import ConnectFailed
from scaffold.host import AsyncHost
from scaffold.host._concurrency.waiting import async_wait_until


def slow(value):
    return pytest.param(value, marks=pytest.mark.slow)


async def connected():
    channel = open_awaited()
    await channel.connect()
    return channel


async def crashed():
    channel = await connected()
    connection = channel._connection
    os.kill(connection.process._child.pid, signal.SIGKILL)
    assert await async_wait_until(lambda: connection.end is not None, PATIENCE)
    return channel


async def fresh():
    return open_awaited()


async def close_after_call(channel, _cancelled):
    async with asyncio.timeout(PATIENCE):
        assert await asked(channel, "0 next") == "next"
        await channel.aclose()


async def close_after_connect(channel, cancelled):
    if not cancelled:
        await close_after_call(channel, cancelled)


async def refused(channel, _cancelled):
    with pytest.raises(ConnectFailed):
        await asked(channel, "0 next")


CHANNELS = {
    "connect": (fresh, lambda channel: channel.connect(), close_after_connect),
    "call": (connected, lambda channel: asked(channel, "0 x"), close_after_call),
    "large call": (
        connected,
        lambda channel: asked(channel, "bytes " + "x" * 3_000_000),
        close_after_call,
    ),
    "call after a crash": (crashed, lambda channel: asked(channel, "0 x"), close_after_call),
    "aclose": (connected, lambda channel: channel.aclose(), refused),
    "aclose after a crash": (crashed, lambda channel: channel.aclose(), refused),
}


@pytest.mark.parametrize("way", [WAYS[0], *map(slow, WAYS[1:])])
@pytest.mark.parametrize("operation", CHANNELS)
def test_a_channel_whose_operation_is_cancelled_anywhere(operation, way):
    assert asyncio.run(cancel_everywhere(*CHANNELS[operation], way))


def test_a_channel_that_is_closed_while_it_connects_stays_closed():
    async def main():
        channel = open_awaited()
        connecting = asyncio.create_task(channel.connect())
        await asyncio.sleep(0)
        await channel.aclose()
        with pytest.raises(ConnectFailed, match="the channel is closed"):
            await connecting
        await refused(channel, False)

    asyncio.run(main())


HOSTS = {
    "load": lambda host, folder: host.load(folder, CLIENTS[True]),
    "call": lambda host, folder: said(client_of(host), "x"),
    "check": lambda host, folder: host.check(),
    "reload": lambda host, folder: host.reload("storm"),
    "reload, keep": lambda host, folder: host.reload("storm", keep=True),
    "reload, cancel": lambda host, folder: host.reload("storm", cancel=True),
    "aclose": lambda host, folder: host.aclose(),
}


def client_of(host):
    return host.client("storm", CLIENTS[True])


async def cancel_on_host(wire, operation, way):
    with folder_for(wire) as folder:

        async def prepare():
            host = AsyncHost()
            if operation != "load":
                await host.load(folder, CLIENTS[True])
            return host

        async def check(host, cancelled):
            async with asyncio.timeout(PATIENCE):
                if operation == "load" and cancelled:
                    await host.load(folder, CLIENTS[True])
                if operation.startswith("reload") and host.status["storm"].state != "ready":
                    await host.reload("storm")
                if operation == "aclose":
                    assert not host.plugins
                else:
                    assert await said(client_of(host), "next") == "next"
                await host.aclose()
            assert counts["setup"] == counts["teardown"]

        def work(host):
            return HOSTS[operation](host, folder)

        async with AsyncHost() as host:  # what is imported and started once
            await said(await host.load(folder, CLIENTS[True]), "x")
        return await cancel_everywhere(prepare, work, check, way)


@pytest.mark.parametrize("wire", [*WIRES[:2], *map(slow, WIRES[2:])])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("operation", HOSTS)
def test_a_host_whose_operation_is_cancelled_anywhere(operation, way, wire):
    suspensions = asyncio.run(cancel_on_host(wire, operation, way))
    # A plain function of this process suspends nothing.
    assert suspensions or (wire, operation) == ("plain", "call") or operation == "load"
