"""A plugin whose hook leaves a fork behind."""

import os
import time

from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin


class Forking(ToolPlugin):
    """Forks a process that outlives the hook, in a session of its own."""

    def get_schema(self) -> list[Function]:
        return [Function(name="fork", description="Forks.", parameters={"type": "object"})]

    def execute(self, payload: ExecuteInput) -> ExecuteOutput:
        pid = os.fork()
        if not pid:
            os.setsid()
            time.sleep(60)
            os._exit(0)
        return ExecuteOutput(result=[os.getpid(), pid])
