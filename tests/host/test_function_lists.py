"""A plugin whose list of functions is bad hides none of the others."""

import asyncio

import pytest

from scaffold.contract import HookError
from scaffold.host import AsyncHost, Host
from scaffold.kinds.tool_v1 import (
    AsyncToolDispatcher,
    ExecuteInput,
    ExecuteOutput,
    Function,
    ToolDispatcher,
    ToolPlugin,
)


class Good(ToolPlugin):
    def get_schema(self):
        return [Function(name="greet", description="Greet.", parameters={"type": "object"})]

    def execute(self, payload):
        return ExecuteOutput(result="hello")


class Rubbish(Good):
    def get_schema(self):
        return [{"name": 7}]


class Failing(Good):
    def get_schema(self):
        raise ZeroDivisionError


CALL = ExecuteInput(function="greet", args={})
UNKNOWN = ExecuteInput(function="none", args={})


def blocking(bad):
    with Host() as host:
        tools = host.kind(ToolDispatcher)
        host.add(bad, "bad")
        host.add(Good, "good")
        host.start()
        lists = tools.get_schema()
        result = tools.execute(CALL).result
        with pytest.raises(HookError) as unknown:
            tools.execute(UNKNOWN)
        return lists, result, str(unknown.value)


def awaited(bad):
    async def run():
        async with AsyncHost() as host:
            tools = host.kind(AsyncToolDispatcher)
            host.add(bad, "bad")
            host.add(Good, "good")
            await host.start()
            lists = await tools.get_schema()
            result = (await tools.execute(CALL)).result
            with pytest.raises(HookError) as unknown:
                await tools.execute(UNKNOWN)
            return lists, result, str(unknown.value)

    return asyncio.run(run())


@pytest.mark.parametrize("way", [blocking, awaited])
@pytest.mark.parametrize("bad", [Rubbish, Failing])
def test_a_bad_list_of_functions_is_left_out_and_the_others_answer(way, bad, caplog):
    lists, result, unknown = way(bad)
    assert [[function.name for function in one] for one in lists] == [["greet"]]
    assert result == "hello"
    assert "no plugin in use has a function 'none'; it is not known what bad can do" in unknown
    warned = [one.name for one in caplog.records if "left out of 'get_schema'" in one.getMessage()]
    assert set(warned) == {"plugin.bad"}
