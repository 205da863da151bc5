"""Plugins that stream, of the golden kind `log_reader`: what they do stands in the path."""

import asyncio
import itertools
import os
import sys
import threading
import time
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).parents[2] / "generator/golden/log_reader/expected/log_reader/_generated")
)

from log_reader_v1 import LogReaderPlugin, TailOutput

from scaffold.contract import HookError, call_metadata, report_progress

NOTES = Path(os.environ["NOTES"]) if "NOTES" in os.environ else None
"""Where plugins leave words for tests that look for them."""


def line(number, text=""):
    return TailOutput(number=number, text=text)


def note(word):
    if NOTES is not None:
        (NOTES / word).write_text(str(threading.get_ident()))


def log(payload):
    yield from (line(number, "text") for number in range(1, payload.lines + 1))


def steady(_payload):
    for number in range(1, 9):
        yield from (0.2, line(number))


def big(payload):
    yield from (line(number, "x" * 100_000) for number in range(1, payload.lines + 1))


def endless(_payload):
    for number in itertools.count(1):
        if number % 1000 == 0:
            note(f"made-{number // 1000}")
        yield line(number, str(call_metadata().get("tenant_id", "")))


def death(_payload):
    yield line(1)
    time.sleep(0.05)
    os._exit(3)


def once(_payload):
    if not (NOTES / "died").exists():
        note("died")
        os._exit(3)
    yield line(1)


def progress(_payload):
    for number in (1, 2, 3):
        report_progress(number, 3, "reading")
        yield line(number)


SCRIPTS = {
    "log": log,
    "nothing": lambda _: (),
    "missing": lambda _: (line(1), line(2), HookError("no_log", "it is gone", {"after": 2})),
    "crash": lambda _: (line(1), RuntimeError("swordfish")),
    "lie": lambda _: (line(1), {"number": 0}),
    "plain": lambda _: ({"number": 1, "text": "no model"},),
    "slow": lambda _: (line(1), 60.0, line(2)),
    "steady": steady,
    "big": big,
    "endless": endless,
    "death": death,
    "once": once,
    "progress": progress,
}
"""What to do, by the path: items to give, seconds to wait, errors to raise."""


class Plain(LogReaderPlugin):
    def tail(self, payload):
        note("begun")
        try:
            for act in SCRIPTS[payload.path](payload):
                if isinstance(act, float):
                    time.sleep(act)
                elif isinstance(act, Exception):
                    raise act
                else:
                    yield act
        finally:
            note("closed")

    def levels(self):
        return iter(["debug", "error"])

    def count(self, payload):
        return len(payload)


class Awaited(LogReaderPlugin):
    async def tail(self, payload):
        note("begun")
        try:
            async with asyncio.timeout(50):  # belongs to one task
                for act in SCRIPTS[payload.path](payload):
                    await asyncio.sleep(act if isinstance(act, float) else 0)
                    if isinstance(act, Exception):
                        raise act
                    if not isinstance(act, float):
                        yield act
        finally:
            note("closed")

    async def levels(self):
        yield "debug"
        yield "error"

    async def count(self, payload):
        return len(payload)


class NoGenerator(Plain):
    """Its streams are none."""

    async def tail(self, payload):
        return [line(1)]

    def levels(self):
        return 7
