"""Declares that its hook is idempotent, and answers otherwise the second time."""

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def setup(self, context):
        self.calls = 0

    def process(self, payload: ProcessInput) -> ProcessOutput:
        self.calls += 1
        return ProcessOutput(text=f"{self.calls}")
