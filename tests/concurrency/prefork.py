"""A host that is loaded before its process is forked: what pools of workers import.

`PREFORK_FOLDER` names the folder of the plugins, one for each row of `PLUGINS`.
"""

import asyncio
import itertools
import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scaffold.host import AsyncHost, Host
from scaffold.kinds.text_processor_v1 import (
    AsyncTextProcessorClient,
    ProcessInput,
    TextProcessorClient,
)

FOLDER = Path(os.environ["PREFORK_FOLDER"])
PLUGINS = ("plain", "awaited", "pipes", "sockets")
WAYS = tuple(itertools.product(PLUGINS, ("blocking", "awaiting")))

_runners: dict[int, asyncio.Runner] = {}
"""The event loop of each process."""


def run(coroutine):
    """Run a coroutine in the loop of this process."""
    return _runners.setdefault(os.getpid(), asyncio.Runner()).run(coroutine)


async def _load_awaiting():
    host = AsyncHost()
    return {name: await host.load(FOLDER / name, AsyncTextProcessorClient) for name in PLUGINS}


host = Host()
blocking = {name: host.load(FOLDER / name, TextProcessorClient) for name in PLUGINS}
awaiting = run(_load_awaiting())


def call(number, way=None):
    """Call a plugin; tell whether the answer is that of this call."""
    plugin, side = way or WAYS[number % len(WAYS)]
    payload = ProcessInput(text=f"{number} {os.getpid()}")
    client = awaiting[plugin] if side == "awaiting" else blocking[plugin]
    answer = client.process(payload)
    return (run(answer) if side == "awaiting" else answer).text == payload.text


def note(number):
    """Call a plugin, and add to the log whether the answer was right; a task of a pool."""
    with (FOLDER / "log").open("a", encoding="utf-8") as log:
        log.write(f"{'right' if call(number) else 'wrong'} {number} {os.getpid()}\n")


def pool(method, size, count):
    """Make calls from a pool of processes that are started by a method."""
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["prefork"])  # it imports the module, and forks
    assert all(map(call, range(len(WAYS))))
    with context.Pool(size) as workers:
        right = sum(workers.map(call, range(count), chunksize=1))
        workers.close()
        workers.join()
    assert all(map(call, range(len(WAYS))))
    sys.stdout.write(f"{right} right\n")


def server(generations, count):
    """Fork workers that end after a number of calls, and fork them again, as web servers do.

    Each has threads, and the process that forks makes calls of its own meanwhile.
    """
    assert all(map(call, range(len(WAYS))))
    ended = []
    for _generation in range(generations):
        workers = []
        for _ in range(4):
            worker = os.fork()
            if not worker:
                with ThreadPoolExecutor(3) as threads:
                    ways = [(plugin, "blocking") for plugin in PLUGINS]
                    blocked = threads.map(call, range(count), itertools.cycle(ways))
                    awaited = [call(n, (p, "awaiting")) for n in range(3) for p in PLUGINS]
                    sys.exit(0 if all([*blocked, *awaited]) else 3)
            workers.append(worker)
        assert all(map(call, range(len(WAYS))))
        ended += [os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) for worker in workers]
    sys.stdout.write(f"{ended.count(0)} right\n")
