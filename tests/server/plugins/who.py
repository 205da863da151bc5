"""A plugin that says what it knows of its caller, and asks another service for something."""

import os

from scaffold.contract import PluginContext, call_metadata
from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin
from scaffold.resources._http_client import http_client
from scaffold.resources._scope import ResourceScope


class Who(ToolPlugin):
    """Answers with the metadata of the call."""

    def setup(self, context: PluginContext) -> None:
        self.http = http_client(ResourceScope())

    def get_schema(self) -> list[Function]:
        return [Function(name="who", description="Says who.", parameters={"type": "object"})]

    def execute(self, payload: ExecuteInput) -> ExecuteOutput:
        if "SERVICE" in os.environ:
            self.http.get(os.environ["SERVICE"])
        return ExecuteOutput(result=dict(call_metadata()))
