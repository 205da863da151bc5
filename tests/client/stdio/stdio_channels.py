"""Channels for tests: both clients with one face, and a look at what they leave behind."""

import asyncio
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scaffold.client._stdio.async_channel import AsyncStdioChannel
from scaffold.client._stdio.channel import StdioChannel
from scaffold.client._stdio.connection.shared_reading import WATCHDOG
from scaffold.contract import Hook, Kind
from scaffold.contract._context.call_context import (
    ProgressListener,
    progress_listener,
    reporting_to,
)

MARK = "SCAFFOLD_TEST_MARK"
"""The environment variable by which the processes of a test are found again."""

TESTS = Path(__file__).parents[2]
FAULTY_SERVER = ("-S", str(TESTS / "integration/faulty_servers/stdio/faulty_server.py"))
"""A server that misbehaves on request; see there."""


def _hook(**changes: Any) -> dict[str, Any]:
    said = {"type": "object", "properties": {"said": {}}, "required": ["said"]}
    asked = {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]}
    return {
        "description": "Does what it is asked.",
        "dispatch": "singleton",
        "input": {"schema": asked, "object": True, "empty": False},
        "output": {"schema": said, "object": True, "empty": False},
        "exposed": True,
        "tool": "{hook}",
        "functions": None,
        "content": False,
        "idempotent": False,
        "read_only": False,
        "timeout": 20.0,
        **changes,
    }


FAULTY_KIND = Kind.from_contract(
    {
        "kind": "faulty",
        "version": "1.0.0",
        "digest": "0",
        "hooks": {
            "long_timeout": _hook(),
            "short_timeout": _hook(timeout=0.25),
            "medium_timeout": _hook(timeout=0.7),
            "repeatable": _hook(idempotent=True),
        },
    }
)
"""A kind whose hooks differ in nothing but how they are waited for."""


class OnLoop:
    """An `AsyncStdioChannel` on an event loop of its own, called from other threads."""

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="test loop")
        self._thread.start()
        self.channel = AsyncStdioChannel(command, **options)
        try:
            self.run(self.channel.connect())
        except BaseException:
            self.stop()
            raise

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def bind(self, hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        call = self.channel.bind(hook)
        return lambda payload: self.run(_listening(call, payload, progress_listener()))

    def close(self) -> None:
        self.run(self.channel.aclose())

    def stop(self) -> None:
        self.close()
        self.run(self.loop.shutdown_default_executor())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _listening(call: Any, payload: Any, report: ProgressListener | None) -> Any:
    """Call, with what listened in the thread listening in the task."""
    if report is None:
        return await call(payload)
    with reporting_to(report):
        return await call(payload)


CHANNELS: dict[str, Any] = {"threads": StdioChannel, "loop": OnLoop}


class Keeper:
    """Opens channels of one flavour, closes them, and finds what they left."""

    def __init__(self, flavour: str) -> None:
        self.mark = uuid.uuid4().hex
        self._make = CHANNELS[flavour]
        self._open: list[Any] = []
        self._before = _descriptors(), _threads()

    def __call__(self, *arguments: str, **options: Any) -> Any:
        """Run Python, or another `program`, with a channel to it."""
        env = {MARK: self.mark, **options.pop("env", {})}
        command = [options.pop("program", sys.executable), *arguments]
        options = {"kind": FAULTY_KIND, "plugin": "faulty", "startup_timeout": 20.0, **options}
        channel = self._make(command, env=env, **options)
        self._open.append(channel)
        return channel

    def close(self) -> None:
        for channel in self._open:
            getattr(channel, "stop", channel.close)()

    def left_behind(self) -> list[str]:
        """Name the processes, descriptors and threads that are there and were not before."""
        deadline = time.monotonic() + 20
        while (found := self._left()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return found

    def _left(self) -> list[str]:
        descriptors, threads = self._before
        return [
            *(f"process {pid}" for pid in processes(self.mark)),
            *(f"descriptor {name}" for name in _descriptors() - descriptors),
            *(f"thread {name}" for name in _threads() - threads),
        ]


def processes(mark: str) -> list[int]:
    """Find the living processes that carry a mark, whoever their parents are."""
    found: list[int] = []
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _descriptors() -> set[str]:
    found: set[str] = set()
    for entry in Path("/dev/fd").iterdir():
        try:
            found.add(f"{entry.name} {entry.readlink()}")
        except OSError:
            continue
    return found


def _threads() -> set[str]:
    """Name the threads; that of the watch only if it has no channels of others to look at."""
    others = bool(WATCHDOG._reads)
    return {
        f"{thread.name} {thread.ident}"
        for thread in threading.enumerate()
        if not (others and thread.name == "watch")
    }
