"""Reports less progress than it has reported before."""

from scaffold.contract import report_progress
from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def process(self, payload: ProcessInput) -> ProcessOutput:
        report_progress(5, 10)
        report_progress(3, 10)
        return payload
