"""A tool that is asynchronous throughout."""

import asyncio

from scaffold.contract import PluginContext
from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin


class AsyncEchoPlugin(ToolPlugin):
    def __init__(self) -> None:
        self.life: list[str] = []
        self.loops: set[int] = set()

    async def setup(self, context: PluginContext) -> None:
        await asyncio.sleep(0)
        self.loops.add(id(asyncio.get_running_loop()))
        self.life.append(f"setup of {context.plugin}")

    async def teardown(self) -> None:
        await asyncio.sleep(0)
        self.loops.add(id(asyncio.get_running_loop()))
        self.life.append("teardown")

    async def get_schema(self) -> list[Function]:
        await asyncio.sleep(0)
        return [Function(name="echo", description="An example.", parameters={"type": "object"})]

    async def execute(self, payload: ExecuteInput) -> ExecuteOutput:
        await asyncio.sleep(0)
        self.loops.add(id(asyncio.get_running_loop()))
        if payload.args.get("crash"):
            raise ValueError("the password is swordfish")
        return ExecuteOutput(result=payload.args)
