"""Calls of functions, each of which is a tool of its own, take the same way as other calls."""

from pathlib import Path

import pytest

from scaffold.client._stdio.connection.calls_in_flight import Connection
from scaffold.contract import HookError, InvalidInput
from scaffold.kinds.tool_v1 import TOOL, ExecuteInput, ToolClient

PLUGINS = Path(__file__).with_name("plugins")
OFTEN = 40
"""Calls after which both ends know the messages of a call."""


@pytest.fixture(params=["fast path", "plain path"], autouse=True)
def path(request, monkeypatch):
    monkeypatch.setattr(Connection, "fast_paths", request.param == "fast path")


@pytest.fixture
def tool(open_channel):
    channel = open_channel(
        "-m",
        "scaffold.server",
        "changing:Changing",
        "--name",
        "changing",
        kind=TOOL,
        plugin="changing",
        env={"PYTHONPATH": str(PLUGINS)},
    )
    return ToolClient(channel)


def call(tool, function, **args):
    return tool.execute(ExecuteInput(function=function, args=args))


def test_many_calls_of_a_function_are_answered_like_the_first(tool):
    assert [call(tool, "take", n=n).result for n in range(OFTEN)] == [
        {"n": n} for n in range(OFTEN)
    ]


def test_arguments_are_checked_in_the_thousandth_call_as_in_the_first(tool):
    for n in range(OFTEN):
        call(tool, "take", n=n)
    with pytest.raises(InvalidInput, match="/args/n"):
        call(tool, "take", n="one")
    with pytest.raises(HookError, match="no function 'give'"):
        call(tool, "give")
    assert call(tool, "take", n=1).result == {"n": 1}


def test_content_blocks_come_with_the_answers_that_have_them(tool):
    for _ in range(OFTEN):
        assert call(tool, "take", n=1).content == []
        answer = call(tool, "take", n=1, blocks=True)
        assert (answer.result, answer.content) == (
            "with content",
            [{"type": "text", "text": "seen"}],
        )


def test_a_function_that_changes_is_checked_by_its_new_parameters(tool):
    for n in range(OFTEN):
        call(tool, "take", n=n)
    call(tool, "change")
    assert tool.get_schema()[0].parameters["properties"]["n"] == {"type": "string"}
    with pytest.raises(InvalidInput, match="/args/n"):
        call(tool, "take", n=1)
    for n in range(OFTEN):
        assert call(tool, "take", n=str(n)).result == {"n": str(n)}
