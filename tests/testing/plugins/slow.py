"""Takes longer than its hookspec allows."""

import asyncio

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    async def process(self, payload: ProcessInput) -> ProcessOutput:
        await asyncio.sleep(5)
        return payload
