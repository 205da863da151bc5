"""The plugin that the fuzzed servers serve."""

from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin

PARAMETERS = {"type": "object", "properties": {"name": {"type": "string"}}}


class Fuzzed(ToolPlugin):
    def get_schema(self):
        return [Function(name="greet", description="Greet.", parameters=PARAMETERS)]

    def execute(self, payload: ExecuteInput):
        return ExecuteOutput(result=f"hello {payload.args.get('name')}")
