"""A tool plugin whose functions change while it runs, and that may answer with content."""

from typing_extensions import override

from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
TEXT = {"type": "object", "properties": {"n": {"type": "string"}}, "required": ["n"]}


class Changing(ToolPlugin):
    def __init__(self) -> None:
        self.parameters = {"take": NUMBER, "change": {"type": "object"}}

    @override
    def get_schema(self):
        return [
            Function(name=name, description=name, parameters=parameters)
            for name, parameters in self.parameters.items()
        ]

    @override
    def execute(self, payload: ExecuteInput):
        if payload.function == "change":
            self.parameters = {**self.parameters, "take": TEXT}
        if payload.args.get("blocks"):
            block = {"type": "text", "text": "seen"}
            return ExecuteOutput(result="with content", content=[block])
        return ExecuteOutput(result=payload.args)
