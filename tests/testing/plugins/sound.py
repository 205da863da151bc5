"""Breaks nothing: settings in setup, time and chance from the context, no blocking."""

import asyncio
import os

from scaffold.contract import report_progress
from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def setup(self, context):
        self.language = os.environ.get("SOUND_LANGUAGE", "en")
        self.logger = context.logger
        self.clock = context.resources["clock"]
        self.rng = context.resources["rng"]

    async def process(self, payload: ProcessInput) -> ProcessOutput:
        report_progress(1, 2, "half")
        await asyncio.sleep(0)
        words = sorted(set(payload.text.split()))
        self.rng.shuffle(words)
        report_progress(2, 2)
        return ProcessOutput(text=f"{' '.join(words)} {self.clock.now()}", language=self.language)
