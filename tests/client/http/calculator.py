"""A plugin to call: functions that answer, fail, crash, wait and report what they were given."""

import asyncio
from typing import Any

from scaffold.contract import HookError, report_progress
from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin

ANY: dict[str, Any] = {"type": "object"}
ADD: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
ROUTED: dict[str, Any] = {
    "type": "object",
    "properties": {"at": {"type": "string", "x-mcp-header": "Region"}},
}


class Calculator(ToolPlugin):
    def get_schema(self) -> list[Function]:
        schemas = {
            "add": ADD,
            "routed": ROUTED,
            "refuse": ANY,
            "crash": ANY,
            "sleep": ANY,
            "count": ANY,
        }
        return [
            Function(name=name, description=f"{name}.", parameters=parameters)
            for name, parameters in schemas.items()
        ]

    async def execute(self, payload: ExecuteInput) -> ExecuteOutput:
        args = payload.args
        match payload.function:
            case "refuse":
                raise HookError("tool_failed", "not today", {"why": args})
            case "crash":
                raise ZeroDivisionError
            case "sleep":
                await asyncio.sleep(args["seconds"])
            case "count":
                for step in range(args["to"]):
                    report_progress(step + 1, args["to"], f"step {step + 1}")
            case "routed":
                return ExecuteOutput(result=args["at"])
        return ExecuteOutput(result=args.get("a", 0) + args.get("b", 0))
