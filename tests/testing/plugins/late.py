"""Takes its time to get ready."""

import time

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def setup(self, context):
        time.sleep(3)

    def process(self, payload: ProcessInput) -> ProcessOutput:
        return payload
