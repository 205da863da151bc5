"""Counts its calls in the module."""

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin

calls = []


class Plugin(TextProcessorPlugin):
    def process(self, payload: ProcessInput) -> ProcessOutput:
        calls.append(payload)
        return ProcessOutput(text=str(len(calls)))
