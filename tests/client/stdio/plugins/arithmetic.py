"""A tool plugin on our own server."""

import os
import time

from typing_extensions import override

from scaffold.contract import HookError
from scaffold.contract._context.call_context import report_progress
from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin

NUMBERS = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
ANYTHING = {"type": "object"}


def count(args):
    for number in range(1, args["to"] + 1):
        report_progress(number, args["to"], f"at {number}")


FUNCTIONS = {
    "add": lambda args: args["a"] + args["b"],
    "divide": lambda args: args["a"] / args["b"],
    "echo": lambda args: args,
    "sleep": lambda args: time.sleep(args["seconds"]),
    "count": count,
    "pid": lambda args: os.getpid(),
}


class Arithmetic(ToolPlugin):
    @override
    def get_schema(self):
        return [
            Function(
                name=name,
                description=name,
                parameters=NUMBERS if name in ("add", "divide") else ANYTHING,
            )
            for name in FUNCTIONS
        ]

    @override
    def execute(self, payload: ExecuteInput):
        if payload.function == "divide" and payload.args["b"] == 0:
            raise HookError("tool_failed", "division by zero", {"a": payload.args["a"]})
        return ExecuteOutput(result=FUNCTIONS[payload.function](payload.args))
