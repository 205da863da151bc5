"""Answers with the directory that its process happens to be in."""

from pathlib import Path

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def process(self, payload: ProcessInput) -> ProcessOutput:
        return ProcessOutput(text=str(Path.cwd()))
