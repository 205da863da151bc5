"""Plugins that raise what is not an `Exception`, given its name."""

import asyncio

from scaffold.kinds.text_processor_v1 import TextProcessorPlugin


class Panic(BaseException):
    """As native modules raise it when they have failed."""


ABORTS = {
    made.__name__: made
    for made in (KeyboardInterrupt, asyncio.CancelledError, GeneratorExit, Panic, SystemExit)
}


def abort(payload):
    if payload.text in ABORTS:
        raise ABORTS[payload.text]
    return payload


class Plain(TextProcessorPlugin):
    def process(self, payload):
        return abort(payload)


class Awaited(TextProcessorPlugin):
    async def process(self, payload):
        if payload.text == "a task of its own":
            task = asyncio.create_task(asyncio.sleep(60))
            task.cancel()
            await task
        return abort(payload)
