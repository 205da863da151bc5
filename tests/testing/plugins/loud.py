"""Logs more than a pipe holds."""

import logging

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def process(self, payload: ProcessInput) -> ProcessOutput:
        logging.getLogger("plugin.loud").warning("%s", "words " * 2000)
        return payload
