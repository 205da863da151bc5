"""Reports progress only where it has not been started for it."""

import sys

from scaffold.contract import report_progress
from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def process(self, payload: ProcessInput) -> ProcessOutput:
        if "scaffold.server" not in sys.modules:
            report_progress(1, 1, "here not there")
        return ProcessOutput(text=payload.text)
