import json
from typing import Any

import pytest
from msgspec import Raw

from scaffold._mcp.tool_results import ResultPrefix, read_result, write_error_result, write_result
from scaffold.contract import (
    Dispatch,
    HookError,
    InternalError,
    InvalidInput,
    InvalidOutput,
    Json,
    Problem,
)
from scaffold.contract._errors.errors import ProtocolError
from scaffold.contract._hooks.hook import Hook
from scaffold.kinds.tool_v1.plugin import EXECUTE

PLAIN: Hook[Any, Any] = Hook("echo", Dispatch.SINGLETON, input=Any, output=Any)
HEADS = [ResultPrefix({"name": "n", "version": "1"}, modern=modern) for modern in (True, False)]


@pytest.mark.parametrize("head", HEADS, ids=["modern", "legacy"])
@pytest.mark.parametrize("value", [{"a": 1}, [1, 2], "text", 7, None, True])
def test_any_value_comes_back_as_it_was(head: ResultPrefix, value: Json) -> None:
    is_object = isinstance(value, dict)
    output = json.dumps(value).encode()
    written = write_result(PLAIN, output, head, is_object=is_object, text=True)
    structured = json.loads(written)["structuredContent"]
    assert head.modern or isinstance(structured, dict)
    back = read_result(PLAIN, Raw(written), is_object=is_object, modern=head.modern)
    assert json.loads(back) == value


@pytest.mark.parametrize("head", HEADS, ids=["modern", "legacy"])
def test_content_blocks_travel_in_the_place_of_the_protocol(head: ResultPrefix) -> None:
    output = b'{"result":1,"content":[{"type":"text","text":"one"}]}'
    written = write_result(EXECUTE, output, head, is_object=True, text=True)
    assert json.loads(written)["content"] == [{"type": "text", "text": "one"}]
    assert json.loads(written)["structuredContent"] == {"result": 1}
    back = read_result(EXECUTE, Raw(written), is_object=True, modern=head.modern)
    assert json.loads(back) == json.loads(output)


@pytest.mark.parametrize("head", HEADS, ids=["modern", "legacy"])
@pytest.mark.parametrize(
    "error",
    [
        HookError("tool_failed", "no luck", {"why": [1]}),
        HookError("tool_failed", "no luck"),
        InvalidInput("echo", [Problem("/a", "type", "no"), Problem("", "required", "b")]),
        InvalidOutput("echo", [Problem("/a/0", "minimum", "low")]),
        InternalError("failed", {"id": "7"}),
    ],
    ids=repr,
)
def test_an_error_comes_back_as_it_was(head: ResultPrefix, error: HookError) -> None:
    written = write_error_result(error, head)
    with pytest.raises(type(error)) as back:
        read_result(PLAIN, Raw(written), is_object=True, modern=head.modern)
    raised = back.value
    assert (raised.code, raised.message, raised.data) == (error.code, error.message, error.data)


@pytest.mark.parametrize(
    "result",
    [
        b"{}",
        b"[]",
        b'{"resultType":"input_required"}',
        b'{"structuredContent":7,"isError":"no"}',
    ],
)
def test_what_is_no_result_is_an_error_of_the_protocol(result: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_result(PLAIN, Raw(result), is_object=True, modern=True)


def test_modern_results_name_their_type_and_their_server() -> None:
    modern, legacy = (
        json.loads(write_result(PLAIN, b"{}", head, is_object=True, text=False)) for head in HEADS
    )
    assert modern["resultType"] == "complete"
    info = modern["_meta"]["io.modelcontextprotocol/serverInfo"]
    assert info == {"name": "n", "version": "1"}
    assert legacy == {"isError": False, "content": [], "structuredContent": {}}
