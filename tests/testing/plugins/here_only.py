"""Reports progress only in the process of the tests."""

import sys

from scaffold.contract import report_progress
from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def process(self, payload: ProcessInput) -> ProcessOutput:
        if "pytest" in sys.modules:
            report_progress(1, 1, "here not there")
        return ProcessOutput(text=payload.text)
