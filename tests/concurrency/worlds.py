"""The whole use of a plugin that streams, over each runtime: what every world is tried with."""

import asyncio
import contextlib
import sys

from log_reader_v1 import AsyncLogReaderClient, LogReaderClient, TailInput
from storm_plugin import WIRES, folder_for

from scaffold.contract._errors.errors import ScaffoldError
from scaffold.host import AsyncHost, Host

PLUGIN = {"module": "streaming_plugins", "kind": "log_reader", "name": "lines"}
STREAM = TailInput(path="log", lines=3)
ENDLESS = TailInput(path="endless")


def use(folder):
    """Call, stream, leave a stream, reload and close; return what came of it."""
    with Host() as host:
        client = host.load(folder, LogReaderClient)
        numbers = [client.count("ab"), *(item.number for item in client.tail(STREAM))]
        with contextlib.closing(client.tail(ENDLESS)) as items:
            numbers.append(next(items).number)
        host.reload("lines")
        return [*numbers, client.count("abc")]


async def used(folder):
    """Do the same with a loop, and calls at once."""
    async with AsyncHost() as host:
        client = await host.load(folder, AsyncLogReaderClient)
        numbers = [await client.count("ab")]
        numbers += [item.number async for item in client.tail(STREAM)]
        async with contextlib.aclosing(client.tail(ENDLESS)) as items:
            numbers.append((await anext(items)).number)
        await host.reload("lines")
        await asyncio.gather(*(client.count("a") for _ in range(8)))
        return [*numbers, await client.count("abc")]


def print_each(work):
    """Print what comes of some work with the plugin, over each wire."""
    for wire in WIRES:
        with folder_for(wire, **PLUGIN) as folder:
            try:
                came = " ".join(map(str, work(folder)))
            except (RuntimeError, ScaffoldError) as error:
                came = f"{type(error).__name__}: {error}"
        sys.stdout.write(f"{wire} {came}\n")
