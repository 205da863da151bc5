"""Says 'output_hash', and throws dice of its own."""

import random as dice

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def process(self, payload: ProcessInput) -> ProcessOutput:
        return ProcessOutput(text=str(dice.randint(1, 6)))
