"""Leaves a lock behind if it is killed, and never starts again."""

from pathlib import Path

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin

LOCK = Path(__file__).with_name("lock")


class Plugin(TextProcessorPlugin):
    def setup(self, context):
        LOCK.touch(exist_ok=False)

    def teardown(self):
        LOCK.unlink()

    def process(self, payload: ProcessInput) -> ProcessOutput:
        return payload
