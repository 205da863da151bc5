"""Plugins whose process has no room for another thread from one call to another."""

import asyncio
import threading

import streaming_plugins
from observed_plugins import Plain

_start = threading.Thread.start


def _refuse(_thread):
    raise RuntimeError("can't start new thread")


class Streams(streaming_plugins.Plain):
    """Has no room after `count("full")`."""

    def count(self, payload):
        threading.Thread.start = _refuse if payload == "full" else _start
        return len(payload)


class Talks(Plain):
    """Says more than a pipe takes, and has no room as it begins to."""

    async def process(self, payload):
        threading.Thread.start = _refuse
        asyncio.get_running_loop().call_later(0.2, setattr, threading.Thread, "start", _start)
        return payload.model_copy(update={"text": payload.text * 4_000_000})
