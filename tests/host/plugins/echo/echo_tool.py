"""A tool whose functions show every way in which a call can end."""

import sys
from typing import Any

from scaffold.contract import HookError, PluginContext
from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin

TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string"}},
    "additionalProperties": False,
}


class EchoPlugin(ToolPlugin):
    def __init__(self) -> None:
        self.life: list[str] = []

    def setup(self, context: PluginContext) -> None:
        self.life.append(f"setup of {context.plugin}")

    def teardown(self) -> None:
        self.life.append("teardown")

    def get_schema(self) -> list[Function]:
        names = ["echo", "refuse", "crash", "leave", "lie"]
        return [Function(name=name, description="An example.", parameters=TEXT) for name in names]

    def execute(self, payload: ExecuteInput) -> ExecuteOutput:
        text = payload.args["text"]
        match payload.function:
            case "refuse":
                raise HookError("tool_failed", f"no {text} today", {"retry": True})
            case "crash":
                raise ValueError(f"the password is {text}")
            case "leave":
                sys.exit(text)
            case "lie":
                return _untyped({"answer": text})
        return ExecuteOutput(result=text)


def _untyped(value: Any) -> Any:
    return value
