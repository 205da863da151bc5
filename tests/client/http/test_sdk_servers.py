"""The channels against the official SDK's server: both eras, JSON and event streams."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scaffold.client._http import AsyncHttpChannel, HttpChannel
from scaffold.contract._errors.errors import (
    DeadlineExceeded,
    HookError,
    InvalidInput,
    TransportError,
)
from scaffold.contract._hooks.hook import Kind
from scaffold.kinds.tool_v1 import TOOL, AsyncToolClient, ExecuteInput, ToolClient


@pytest.fixture(scope="module")
def sdk_urls() -> Iterator[dict[str, str]]:
    """The URLs of the official SDK's server, by the way it is run."""
    command = [sys.executable, str(Path(__file__).with_name("sdk_server.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.kill()


@pytest.fixture(
    params=["modern", "modern-json", "legacy", "legacy-json", "legacy-stateless"], scope="module"
)
def sdk_url(request: pytest.FixtureRequest, sdk_urls: dict[str, str]) -> str:
    return sdk_urls[request.param]


def call(function: str, **args: object) -> ExecuteInput:
    return ExecuteInput(function=function, args=args)


@pytest.fixture
def client(sdk_url: str) -> Iterator[ToolClient]:
    with ToolClient(HttpChannel(sdk_url, kind=TOOL, plugin="peer", timeout=10)) as client:
        yield client


def test_the_tools_of_a_foreign_server_are_listed_as_functions(client: ToolClient) -> None:
    assert [f.name for f in client.get_schema()] == ["add", "count", "fail", "sleep", "routed"]


def test_a_call_is_answered(client: ToolClient) -> None:
    assert client.execute(call("add", a=1, b=2)).result == {"result": 3}


def test_progress_before_the_answer_is_passed_over(client: ToolClient) -> None:
    assert client.execute(call("count", steps=3)).result == {"result": "counted 3"}


def test_a_mirrored_parameter_reaches_the_server_whatever_its_characters(
    client: ToolClient,
) -> None:
    for region in ("eu-west", " Zürich\n", "=?base64?literal?="):
        assert client.execute(call("routed", region=region)).result == {"result": region}


def test_a_tool_that_fails_raises_a_hook_error(client: ToolClient) -> None:
    with pytest.raises(HookError, match="tool_failed: Error executing tool fail"):
        client.execute(call("fail", reason="because"))


def test_arguments_are_checked_before_they_are_sent(client: ToolClient) -> None:
    with pytest.raises(InvalidInput, match="/args/a"):
        client.execute(call("add", a="1", b=2))


def test_many_threads_share_a_channel(client: ToolClient) -> None:
    with ThreadPoolExecutor(16) as threads:
        results = threads.map(lambda n: client.execute(call("add", a=n, b=0)).result, range(64))
    assert [result["result"] for result in results] == list(range(64))


def test_a_call_that_takes_too_long_ends_at_the_deadline_of_its_hook(sdk_url: str) -> None:
    hooks = TOOL.contract["hooks"]
    execute = {**hooks["execute"], "timeout": 1.0}
    kind = Kind.from_contract({**TOOL.contract, "hooks": {**hooks, "execute": execute}})
    channel = HttpChannel(sdk_url, kind=kind, plugin="peer", timeout=10)
    run = channel.bind(kind.hooks["execute"])
    with pytest.raises(DeadlineExceeded, match=r"/mcp: tools/call sleep: no answer .*1 s"):
        run({"function": "sleep", "args": {"seconds": 30}})
    assert run({"function": "add", "args": {"a": 1, "b": 2}})["result"] == {"result": 3}
    channel.close()


def test_a_closed_channel_says_so_and_may_be_closed_again(sdk_url: str) -> None:
    channel = HttpChannel(sdk_url, kind=TOOL, plugin="peer", timeout=10)
    client = ToolClient(channel)
    channel.close()
    channel.close()
    with pytest.raises(TransportError, match="the channel is closed"):
        client.execute(call("add", a=1, b=2))


def test_calls_from_an_event_loop_run_side_by_side(sdk_url: str) -> None:
    async def run() -> list[int]:
        channel = AsyncHttpChannel(sdk_url, kind=TOOL, plugin="peer", timeout=10)
        async with AsyncToolClient(await channel.connect()) as client:
            outputs = await asyncio.gather(
                *(client.execute(call("add", a=n, b=0)) for n in range(64))
            )
            assert (await client.get_schema())[0].name == "add"
        await channel.aclose()
        return [output.result["result"] for output in outputs]

    assert asyncio.run(run()) == list(range(64))


def test_a_cancelled_call_leaves_the_channel_usable(sdk_url: str) -> None:
    async def run() -> object:
        channel = await AsyncHttpChannel(sdk_url, kind=TOOL, plugin="peer", timeout=10).connect()
        async with AsyncToolClient(channel) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.execute(call("sleep", seconds=30)), 0.2)
            return (await client.execute(call("add", a=1, b=2))).result

    assert asyncio.run(run()) == {"result": 3}
