"""Answers with values that JSON has not."""

from datetime import UTC, datetime

from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin


class Plugin(ToolPlugin):
    def get_schema(self):
        return [Function(name="now", description="Tell the time.", parameters={"type": "object"})]

    def execute(self, payload: ExecuteInput) -> ExecuteOutput:
        answer = ExecuteOutput(result={})
        answer.result["now"] = datetime(2026, 1, 31, tzinfo=UTC)
        return answer
