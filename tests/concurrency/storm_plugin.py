"""A plugin that answers `SECONDS TEXT` with TEXT after so many seconds, and what storms do to it.

`host_of` loads it over each wire. The plugin counts its set-ups and tear-downs in this process.
"""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from program_paths import PYTHONPATH

from scaffold.kinds.text_processor_v1 import (
    AsyncTextProcessorClient,
    ProcessInput,
    TextProcessorClient,
    TextProcessorPlugin,
)

WIRES = ("plain", "awaited", "stdio", "http")
"""In this process with plain or with async hooks, and from others."""

counts: Counter[str] = Counter()


class Plain(TextProcessorPlugin):
    def setup(self, context):
        counts["setup"] += 1

    def teardown(self):
        counts["teardown"] += 1

    def process(self, payload):
        seconds, _, said = payload.text.partition(" ")
        time.sleep(float(seconds))
        return payload.model_copy(update={"text": said})


class Awaited(TextProcessorPlugin):
    async def setup(self, context):
        counts["setup"] += 1

    async def teardown(self):
        counts["teardown"] += 1

    async def process(self, payload):
        seconds, _, said = payload.text.partition(" ")
        await asyncio.sleep(float(seconds))
        return payload.model_copy(update={"text": said})


def say(client, said, seconds="0"):
    """Call the plugin; return what it says."""
    return client.process(ProcessInput(text=f"{seconds} {said}")).text


async def said(client, what, seconds="0"):
    """Call the plugin and await it; return what it says."""
    return (await client.process(ProcessInput(text=f"{seconds} {what}"))).text


@contextlib.contextmanager
def folder_for(wire, *, module="storm_plugin", kind="text_processor", name="storm"):
    """Yield a folder with a plugin, to be loaded over a wire. For HTTP a server runs."""
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        folder = Path(place)
        entry_point = f"{module}:{'Awaited' if wire == 'awaited' else 'Plain'}"
        served = [sys.executable, "-m", "scaffold.server", entry_point]
        url = stack.enter_context(_served(served)) if wire == "http" else "http://127.0.0.1:1/mcp"
        runtime = {"stdio": "mcp_stdio", "http": "mcp_http"}.get(wire, "in_process")
        manifest = f"""
            [plugin]
            name = "{name}"
            kind = "{kind}"
            runtime = ["{runtime}"]
            entry_point = "{entry_point}"
            [plugin.mcp_stdio]
            command = {[*served, "--name", name]}
            env = {{ PYTHONPATH = "{PYTHONPATH}" }}
            [plugin.mcp_http]
            url = "{url}"
        """
        (folder / "dagstack.toml").write_text(manifest)
        yield folder


@contextlib.contextmanager
def _served(command):
    command = [*command, "--http", "--port", "0"]
    env = {**os.environ, "PYTHONPATH": PYTHONPATH}
    server = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        for line in server.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+/mcp", line):
                yield found[0]
                break
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)


CLIENTS = {False: TextProcessorClient, True: AsyncTextProcessorClient}


def children():
    """Return the ids of the child processes of this process."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(one) for one in (task / "children").read_text().split()]
    return found


def kill(server=None):
    """Kill one of the child processes, but not the server."""
    for child in children():
        if child != server and b"storm_plugin" in _command(child):
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
            return


def _command(process):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""
