"""Writes to a file whose path is in the code."""

from pathlib import Path

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def process(self, payload: ProcessInput) -> ProcessOutput:
        Path("/dev/null").write_text(payload.text)
        return payload
