"""The channels against our own server: what is raised on one side arrives on the other."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from scaffold.client._http import AsyncHttpChannel, HttpChannel
from scaffold.client._http.protocol_driver import ProtocolDriver
from scaffold.contract._context.call_context import reporting_to
from scaffold.contract._errors.errors import (
    DeadlineExceeded,
    HookError,
    InternalError,
    InvalidInput,
)
from scaffold.kinds.tool_v1 import TOOL, AsyncToolClient, ExecuteInput, ToolClient

SERVE = ("-m", "scaffold.server", "calculator:Calculator", "--name", "calculator", "--http")


def call(function: str, **args: object) -> ExecuteInput:
    return ExecuteInput(function=function, args=args)


@pytest.fixture(params=["fast path", "plain path"], autouse=True)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test twice: the plain path is complete, and the fast path must equal it."""
    monkeypatch.setattr(ProtocolDriver, "fast_paths", request.param == "fast path")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, *SERVE, "--port", "0"],
        cwd=Path(__file__).parent,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        announced = next(line for line in process.stderr if "listening" in line)
        yield announced.split()[-1]
        process.kill()


@pytest.fixture
def client(url: str) -> Iterator[ToolClient]:
    with ToolClient(HttpChannel(url, kind=TOOL, plugin="calculator", timeout=10)) as client:
        yield client


def test_functions_and_answers_come_through(client: ToolClient) -> None:
    assert [f.name for f in client.get_schema()] == [
        *("add", "routed", "refuse", "crash", "sleep", "count")
    ]
    assert client.execute(call("add", a=1, b=2)).result == 3


@pytest.mark.parametrize("region", ["eu", "Zürich", " padded ", "=?base64?eA==?=", "", "a\r\nb"])
def test_a_mirrored_argument_passes_the_check_of_the_server(
    client: ToolClient, region: str
) -> None:
    assert client.execute(call("routed", at=region)).result == region


def test_an_error_of_a_hook_keeps_its_code_its_message_and_its_data(client: ToolClient) -> None:
    with pytest.raises(HookError) as caught:
        client.execute(call("refuse", n=1))
    error = caught.value
    assert (error.code, error.message, error.data) == (
        "tool_failed",
        "not today",
        {"why": {"n": 1}},
    )


def test_a_crash_arrives_as_an_internal_error_with_an_id(client: ToolClient) -> None:
    with pytest.raises(InternalError) as caught:
        client.execute(call("crash"))
    assert caught.value.data["id"]
    assert "raised ZeroDivisionError" in str(caught.value)
    assert "by zero" not in str(caught.value)


def test_arguments_that_are_not_valid_are_not_sent(client: ToolClient) -> None:
    with pytest.raises(InvalidInput, match="/args/a"):
        client.execute(call("add", a="1", b=2))


def test_a_slow_call_ends_at_its_deadline_and_others_go_on(url: str) -> None:
    with ToolClient(HttpChannel(url, kind=TOOL, plugin="calculator", timeout=1.5)) as client:
        with pytest.raises(DeadlineExceeded, match=r"no answer came in time \(1\.5 s\)"):
            client.execute(call("sleep", seconds=60))
        assert client.execute(call("add", a=1, b=2)).result == 3


STEPS = [(1, 2, "step 1"), (2, 2, "step 2")]


def test_what_a_call_reports_is_heard_before_its_answer(client: ToolClient) -> None:
    heard: list[tuple[float, float | None, str]] = []
    with reporting_to(lambda *report: heard.append(report)):
        client.execute(call("count", to=2))
        assert heard == STEPS
    client.execute(call("count", to=2))
    assert heard == STEPS


def test_what_an_awaited_call_reports_is_heard_too(url: str) -> None:
    heard: list[tuple[float, float | None, str]] = []

    async def run() -> None:
        channel = AsyncHttpChannel(url, kind=TOOL, plugin="calculator", timeout=10)
        async with AsyncToolClient(await channel.connect()) as client:
            with reporting_to(lambda *report: heard.append(report)):
                await client.execute(call("count", to=2))

    asyncio.run(run())
    assert heard == STEPS


def test_sixty_four_threads_get_their_own_answers(client: ToolClient) -> None:
    with ThreadPoolExecutor(64) as threads:
        outputs = threads.map(lambda n: client.execute(call("add", a=n, b=0)), range(512))
        assert [output.result for output in outputs] == list(range(512))


def test_sixty_four_tasks_get_their_own_answers(url: str) -> None:
    async def run() -> list[object]:
        channel = AsyncHttpChannel(url, kind=TOOL, plugin="calculator", timeout=10)
        async with AsyncToolClient(await channel.connect()) as client:

            async def count(first: int) -> list[object]:
                numbers = range(first * 8, first * 8 + 8)
                return [(await client.execute(call("add", a=n, b=0))).result for n in numbers]

            counted = await asyncio.gather(*map(count, range(64)))
            return [number for numbers in counted for number in numbers]

    assert asyncio.run(run()) == list(range(512))


SECRETS = ("s3cret-password", "s3cret-token", "s3cret-key")


def with_credentials(url: str) -> dict[str, Any]:
    """Return arguments of a channel with a password, a query and a header that are secret."""
    address = url.replace("//", f"//robot:{SECRETS[0]}@") + f"?token={SECRETS[1]}"
    headers = {"x-api-key": SECRETS[2]}
    return {"url": address, "headers": headers, "kind": TOOL, "plugin": "calculator"}


def assert_shown(channel: object, state: str) -> None:
    shown = repr(channel)
    assert shown == f"<{type(channel).__name__} calculator (tool), mcp_http, {state}>"
    assert not any(secret in shown for secret in SECRETS)


def test_a_channel_shows_name_kind_runtime_and_state_without_credentials(url: str) -> None:
    channel = HttpChannel(**with_credentials(url))
    assert_shown(channel, "open")
    channel.close()
    assert_shown(channel, "closed")


def test_an_awaited_channel_shows_the_same(url: str) -> None:
    async def run() -> None:
        channel = AsyncHttpChannel(**with_credentials(url))
        assert_shown(channel, "not connected")
        await channel.connect()
        assert_shown(channel, "open")
        await channel.aclose()
        assert_shown(channel, "closed")

    asyncio.run(run())
