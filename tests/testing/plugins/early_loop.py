"""Takes the event loop before any host has one for it."""

import asyncio

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def __init__(self):
        self.loop = asyncio.get_running_loop()

    async def process(self, payload: ProcessInput) -> ProcessOutput:
        return payload
