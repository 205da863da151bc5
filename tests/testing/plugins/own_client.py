"""Opens a connection of its own."""

import sqlite3

from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin


class Plugin(TextProcessorPlugin):
    def setup(self, context):
        self.database = sqlite3.connect(":memory:")

    def teardown(self):
        self.database.close()

    def process(self, payload: ProcessInput) -> ProcessOutput:
        return payload
