"""Picks its own threads."""

from concurrent.futures import ThreadPoolExecutor

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def process(self, payload: ProcessInput) -> ProcessOutput:
        with ThreadPoolExecutor(1) as threads:
            return threads.submit(lambda: payload).result()
