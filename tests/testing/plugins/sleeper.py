"""Sleeps in a coroutine, and with it every other plugin."""

import time

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    async def process(self, payload: ProcessInput) -> ProcessOutput:
        time.sleep(0.3)
        return payload
