import asyncio
import logging
import threading
from pathlib import Path

import pytest

from scaffold.contract import HookError, InternalError, InvalidInput, InvalidOutput, Kind
from scaffold.host import AsyncHost, AsyncInProcessChannel, Host, InProcessChannel
from scaffold.kinds.tool_v1 import (
    TOOL,
    AsyncToolClient,
    ExecuteInput,
    ExecuteOutput,
    Function,
    ToolClient,
    ToolPlugin,
)

PLUGINS = Path(__file__).parent / "plugins"


def ask(function: str, **args: object) -> ExecuteInput:
    return ExecuteInput(function=function, args=args)


@pytest.fixture
def tool():
    with Host() as host:
        yield host.load(PLUGINS / "echo", ToolClient)


def test_a_hook_answers_through_the_typed_client(tool):
    assert tool.execute(ask("echo", text="hi")) == ExecuteOutput(result="hi")
    assert [one.name for one in tool.get_schema()][:2] == ["echo", "refuse"]
    assert isinstance(tool, ToolPlugin)


def test_a_hook_error_reaches_the_caller_as_it_is(tool):
    with pytest.raises(HookError) as caught:
        tool.execute(ask("refuse", text="tea"))
    assert (caught.value.code, caught.value.message) == ("tool_failed", "no tea today")
    assert caught.value.data == {"retry": True}


@pytest.mark.parametrize("function", ["crash", "leave"])
def test_any_other_exception_stays_in_the_plugins_log(tool, caplog, function):
    with caplog.at_level(logging.ERROR), pytest.raises(InternalError) as caught:
        tool.execute(ask(function, text="swordfish"))

    mark = caught.value.data["id"]
    assert "swordfish" not in str(caught.value)
    assert mark in caught.value.message
    [record] = caplog.records
    assert record.name == "plugin.echo"
    assert mark in record.getMessage()
    assert "swordfish" in caplog.text
    assert "echo_tool.py" in caplog.text


def test_an_answer_of_the_wrong_shape_is_refused(tool):
    with pytest.raises(InvalidOutput):
        tool.execute(ask("lie", text="hi"))


def test_a_payload_of_the_wrong_type_is_refused_before_the_plugin_sees_it(tool):
    with pytest.raises(InvalidInput):
        tool.execute({"function": "echo"})


def test_the_arguments_are_held_to_their_functions_schema(tool):
    with pytest.raises(InvalidInput) as caught:
        tool.execute(ask("echo", text=17, more=1))
    assert [(one.path, one.rule) for one in caught.value.problems] == [
        ("/args", "additionalProperties"),
        ("/args/text", "type"),
    ]


def test_an_unknown_function_is_refused_with_those_that_are_known(tool):
    with pytest.raises(HookError) as caught:
        tool.execute(ask("ecko"))
    assert caught.value.code == "unknown_function"
    assert "echo" in caught.value.message


class Growing(ToolPlugin):
    def __init__(self):
        self.names = ["first"]

    def get_schema(self):
        return [Function(name=name, description="", parameters={}) for name in self.names]

    def execute(self, payload):
        return ExecuteOutput(result=payload.function)


def test_a_function_that_a_plugin_adds_later_is_found():
    plugin = Growing()
    with ToolClient(InProcessChannel(plugin)) as client:
        assert client.execute(ask("first")).result == "first"
        plugin.names.append("second")
        assert client.execute(ask("second")).result == "second"


def test_a_plugin_opened_without_bindings_speaks_json():
    with Host() as host:
        channel = host.open(PLUGINS / "echo")
        hooks = host["echo"].kind.hooks
        execute, get_schema = channel.bind(hooks["execute"]), channel.bind(hooks["get_schema"])

        assert execute({"function": "echo", "args": {"text": "hi"}}) == {"result": "hi"}
        assert get_schema(None)[0]["name"] == "echo"
        with pytest.raises(InvalidInput) as caught:
            execute({"function": 3})
        assert [one.rule for one in caught.value.problems] == ["required", "type"]


def test_bindings_of_the_host_and_the_plugin_may_be_different_classes():

    twin = Kind.from_contract(TOOL.contract)
    with Host() as host:
        host.load(PLUGINS / "echo", ToolClient)
        execute = host["echo"].channel.bind(twin.hooks["execute"])

        assert execute({"function": "echo", "args": {"text": "hi"}}) == {"result": "hi"}


def test_an_async_plugin_serves_a_sync_host_from_one_loop():
    with Host() as host:
        tool = host.load(PLUGINS / "async_echo", ToolClient)
        channel = host["async_echo"].channel
        assert isinstance(channel, InProcessChannel)
        life, loops = (vars(channel.plugin)[one] for one in ("life", "loops"))
        answers: list[object] = []
        threads = [
            threading.Thread(
                target=lambda: answers.append(tool.execute(ask("echo", text="hi")).result)
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises(InternalError) as caught:
            tool.execute(ask("echo", crash=True))

    assert answers == [{"text": "hi"}] * 4
    assert "swordfish" not in str(caught.value)
    assert life == ["setup of async_echo", "teardown"]
    assert len(loops) == 1
    assert not [one for one in threading.enumerate() if one.name == "plugin-async_echo"]


async def _through_an_async_host(name: str):
    async with AsyncHost() as host:
        tool = await host.load(PLUGINS / name, AsyncToolClient)
        channel = host[name].channel
        assert isinstance(channel, AsyncInProcessChannel)
        life = vars(channel.plugin)["life"]
        answer = await tool.execute(ask("echo", text="hi"))
        with pytest.raises(HookError) as caught:
            await tool.execute(ask("ecko"))
        assert caught.value.code == "unknown_function"
    assert life == [f"setup of {name}", "teardown"]
    return answer.result


def test_a_sync_plugin_serves_an_async_host():
    assert asyncio.run(_through_an_async_host("echo")) == "hi"


def test_an_async_plugin_serves_an_async_host():
    assert asyncio.run(_through_an_async_host("async_echo")) == {"text": "hi"}


def test_an_async_host_hides_what_a_plugin_raises():
    async def call():
        async with AsyncHost() as host:
            tool = await host.load(PLUGINS / "async_echo", AsyncToolClient)
            await tool.execute(ask("echo", crash=True))

    with pytest.raises(InternalError) as caught:
        asyncio.run(call())
    assert "swordfish" not in str(caught.value)


ANY_FUNCTION = [Function(name="any", description="", parameters={})]


class WhereAmI(ToolPlugin):
    def get_schema(self):
        return ANY_FUNCTION

    def execute(self, payload):
        return ExecuteOutput(result=threading.current_thread() is threading.main_thread())


@pytest.mark.parametrize(
    ("execution_model", "inline"),
    [("sync", True), ("async", True), ("thread_cpu_bound", False), ("process_cpu_bound", False)],
)
def test_the_execution_model_says_whether_a_thread_is_taken(execution_model, inline):
    channel = AsyncInProcessChannel(WhereAmI(), execution_model=execution_model)

    async def call():
        return await channel.bind(TOOL.hooks["execute"])(ask("any"))

    assert asyncio.run(call()).result is inline


class Selfish(ToolPlugin):
    def __init__(self):
        self.client = ToolClient(InProcessChannel(self))

    def get_schema(self):
        return ANY_FUNCTION

    async def execute(self, payload):
        await asyncio.sleep(0)
        return self.client.execute(payload)


def test_an_async_plugin_that_waits_for_itself_fails_instead_of_hanging():
    with Selfish().client as client, pytest.raises(InternalError):
        client.execute(ask("any"))


def test_the_error_names_plugin_hook_and_exception_and_has_the_exception_as_its_cause(tool):
    with pytest.raises(InternalError, match="execute: plugin 'echo' raised ValueError") as caught:
        tool.execute(ask("crash", text="swordfish"))
    assert isinstance(caught.value.__cause__, ValueError)
    assert "swordfish" in str(caught.value.__cause__)
