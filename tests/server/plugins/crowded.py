"""A plugin whose machine has no room for another thread while its hook runs."""

import threading
import time

from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin


class Crowded(ToolPlugin):
    """Refuses every thread for a moment, as a system does that is at its limit."""

    def get_schema(self) -> list[Function]:
        return [Function(name="fill", description="Fills.", parameters={"type": "object"})]

    def execute(self, payload: ExecuteInput) -> ExecuteOutput:
        start = threading.Thread.start

        def refuse(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        threading.Thread.start = refuse
        time.sleep(0.3)
        threading.Thread.start = start
        return ExecuteOutput(result="done")
