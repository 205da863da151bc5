"""A tool that tells what its host has told it."""

import os
from typing import Any

from scaffold.contract import HookError, PluginContext, StopChain
from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin


class TellerPlugin(ToolPlugin):
    """Tells what it knows."""

    def setup(self, context: PluginContext) -> None:
        """Keep the context."""
        self.context = context

    def get_schema(self) -> list[Function]:
        """List what it can tell."""
        names = ["metadata", "config", "process", "leave", "stop"]
        parameters = {"type": "object"}
        return [Function(name=name, description="Tell.", parameters=parameters) for name in names]

    def execute(self, payload: ExecuteInput) -> ExecuteOutput:
        """Tell it."""
        match payload.function:
            case "leave":
                os._exit(3)
            case "stop":
                raise StopChain(ExecuteOutput(result="stop"))
            case "process":
                told: Any = os.getpid()
            case "config":
                told = dict(self.context.config)
            case "metadata":
                told = dict(self.context.metadata)
            case other:
                raise HookError("unknown_function", other)
        return ExecuteOutput(result=told)
