"""Plugins of this process that tell what happens to them, and what tests of hosts share."""

import asyncio
import threading
from collections import Counter

from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.host._concurrency.waiting import async_wait_until
from scaffold.kinds.text_processor_v1 import ProcessInput, TextProcessorPlugin

PATIENCE = 30
"""Seconds after which a test gives up; nothing that is right takes as long."""


class Record:
    """What has happened to the plugins of one test."""

    def __init__(self):
        self.events = []

    def add(self, what):
        self.events.append(what)

    @property
    def counts(self):
        counts = Counter(self.events)
        return counts["setup"], counts["teardown"]

    def plugin(self, base, **attributes):
        """Return a class of plugins that note here what is done to them."""
        return type("Noted", (base,), {"record": self, **attributes})


class Plain(TextProcessorPlugin):
    record = Record()

    def setup(self, context):
        self.record.add("setup")

    def teardown(self):
        self.record.add("teardown")

    def process(self, payload):
        return payload


class Awaited(TextProcessorPlugin):
    record = Record()

    async def setup(self, context):
        self.record.add("setup")

    async def teardown(self):
        self.record.add("teardown")

    async def process(self, payload):
        await asyncio.sleep(0)
        return payload


class Gate:
    """Holds each thread that comes by until it is opened."""

    def __init__(self):
        self.reached = threading.Event()
        self.open = threading.Event()

    def pass_by(self):
        self.reached.set()
        assert self.open.wait(PATIENCE)

    async def pass_by_async(self):
        self.reached.set()
        assert await async_wait_until(self.open.is_set, PATIENCE)


def text(content="x"):
    return ProcessInput(text=content)


def in_thread(work):
    """Do work in a thread; return a function that waits for it and returns or raises its result."""
    outcome = {}

    def run():
        try:
            outcome["result"] = work()
        except PLUGIN_EXCEPTIONS as error:
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result():
        thread.join(PATIENCE)
        assert not thread.is_alive(), "it hangs"
        if "error" in outcome:
            raise outcome["error"]
        return outcome["result"]

    return result
