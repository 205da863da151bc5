"""Reads the environment at every call."""

from os import environ

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def process(self, payload: ProcessInput) -> ProcessOutput:
        return ProcessOutput(text=environ.get("LANGUAGE", "en"))
