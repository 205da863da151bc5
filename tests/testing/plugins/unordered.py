"""Says 'output_hash', and answers in the order that a set has in its process."""

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def process(self, payload: ProcessInput) -> ProcessOutput:
        return ProcessOutput(text=" ".join({f"word {number}" for number in range(20)}))
