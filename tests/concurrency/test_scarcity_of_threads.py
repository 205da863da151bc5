"""Threads of event loops and servers: without room for one, nothing stops for good."""

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from full_plugins import Streams, Talks
from log_reader_v1 import LOG_READER, LogReaderClient, TailInput
from observed_plugins import PATIENCE, text
from storm_plugin import CLIENTS, folder_for, said

from scaffold.client._process.launch import NoRoom
from scaffold.client._stdio.channel import StdioChannel
from scaffold.contract import ProtocolError
from scaffold.host import AsyncHost
from scaffold.host._concurrency.waiting import async_wait_until
from scaffold.host._lifecycle import supervision
from scaffold.kinds.text_processor_v1 import TEXT_PROCESSOR, TextProcessorClient

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT, ROOT / "tests/concurrency", ROOT / "tests/integration/streams")


def serve(plugin, kind):
    entry_point = f"full_plugins:{plugin.__name__}"
    command = [sys.executable, "-m", "scaffold.server", entry_point, "--name", "full"]
    env = {"PYTHONPATH": ":".join(map(str, FOLDERS))}
    return StdioChannel(command, kind=kind, plugin="full", env=env, timeout=PATIENCE)


def test_a_load_as_a_fork_fails_by_name_and_the_next_works(no_threads):
    async def main(folder):
        async with AsyncHost(fork_server=True) as host:
            no_threads.set()
            with pytest.raises(NoRoom, match="can't start new thread"):
                await host.load(folder, CLIENTS[True])
            no_threads.clear()
            assert await said(await host.load(folder, CLIENTS[True]), "x") == "x"

    with folder_for("stdio") as folder:
        asyncio.run(main(folder))


def test_a_load_as_a_fork_takes_no_thread_of_the_application():
    held = threading.Event()

    async def main(folder):
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, held.wait)
        async with asyncio.timeout(PATIENCE), AsyncHost(fork_server=True, watch_every=0.02) as host:
            assert await said(await host.load(folder, CLIENTS[True]), "x") == "x"
            held.set()
        await busy

    with folder_for("stdio") as folder:
        try:
            asyncio.run(main(folder))
        finally:
            held.set()


def test_files_are_watched_again_once_there_is_room(no_threads, monkeypatch):
    looks = []
    look = supervision.FileWatcher.changed
    monkeypatch.setattr(
        supervision.FileWatcher, "changed", lambda watcher: (looks.append(1), look(watcher))[1]
    )

    async def main(folder):
        async with AsyncHost(watch_every=0.01) as host:
            await host.load(folder, CLIENTS[True])
            assert await async_wait_until(lambda: len(looks) > 2, PATIENCE)
            no_threads.set()
            await asyncio.sleep(0.2)
            no_threads.clear()
            before = len(looks)
            assert await async_wait_until(lambda: len(looks) > before + 2, PATIENCE)

    with folder_for("plain") as folder:
        asyncio.run(main(Path(folder)))


def test_a_server_without_a_thread_for_streams_refuses_them_and_streams_later():
    channel = serve(Streams, LOG_READER)
    reader = LogReaderClient(channel)
    assert reader.count("full") == 4
    with pytest.raises(ProtocolError, match="cannot start a thread for it now"):
        next(reader.tail(TailInput(path="log")))
    assert reader.count("free") == 4
    assert len(list(reader.tail(TailInput(path="log", lines=3)))) == 3
    channel.close()


def test_a_server_with_an_event_loop_writes_once_there_is_a_thread_for_it():
    channel = serve(Talks, TEXT_PROCESSOR)
    client = TextProcessorClient(channel)
    assert len(client.process(text("x")).text) == 4_000_000
    channel.close()
