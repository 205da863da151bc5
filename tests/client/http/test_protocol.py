"""The protocol without I/O: whatever a server answers, only our own errors are raised."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaffold.client._http.protocol_driver import PreparedCall, ProtocolDriver
from scaffold.client._http.session import HttpSession
from scaffold.client._http.transport.io_requests import Done, Read, SendRequest, Steps
from scaffold.client._http.transport.server_address import ServerAddress
from scaffold.contract._errors.errors import ScaffoldError
from scaffold.kinds.tool_v1 import TOOL, ExecuteInput
from scaffold.kinds.tool_v1.plugin import EXECUTE, GET_SCHEMA

Answers = Callable[[dict[str, Any]], dict[str, Any]]

MARKED = {"hookspec.scaffold/hook": "execute", "hookspec.scaffold/function": {"name": "f"}}
KEYS = (
    *("content", "structuredContent", "isError", "resultType", "_meta", "tools", "nextCursor"),
    *("hookspec.scaffold/error", "hookspec.scaffold/content", *MARKED, "supportedVersions"),
    *("code", "message", "data", "problems", "path", "rule", "text", "type", "name", "description"),
    *("inputSchema", "properties", "required", "items", "x-mcp-header", "$ref"),
)
WORDS = ("text", "object", "complete", "invalid_input", "internal", "http://x/y", "execute")
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=20,
)


class Ok:
    """The head of a good response."""

    status = 200

    def get_header(self, key: str) -> str | None:
        return "application/json" if key == "content-type" else None


def perform(steps: Steps[None], answers: Answers) -> Any:
    """Drive steps with a server that answers at once."""
    body: bytes | None = None
    step = next(steps)
    while not isinstance(step, Done):
        if isinstance(step, SendRequest):
            asked = json.loads(step.body)
            answer = {"jsonrpc": "2.0", "id": asked.get("id"), **answers(asked)}
            body = json.dumps(answer).encode()
            step = steps.send(Ok())
        elif isinstance(step, Read):
            body, chunk = None, body
            step = steps.send(chunk)
        else:
            step = steps.send(None)
    return step.value


def perform_short(calling: PreparedCall, answers: Answers) -> None:
    """Read a server's answer the short way, which must leave the long way as it is."""
    assert calling.fast is not None
    asked = json.loads(calling.fast.send.body)
    answer = {"jsonrpc": "2.0", "id": asked["id"], **answers(asked)}
    with contextlib.suppress(ScaffoldError):
        calling.fast.read(json.dumps(answer).encode())


def server(**answers: dict[str, Any]) -> Answers:
    """Answer as one should, but for the methods given (with `_` for `/`)."""
    tool = {"name": "f", "inputSchema": {"type": "object"}}
    good: dict[str, Any] = {
        "server_discover": {"result": {"supportedVersions": ["2026-07-28"]}},
        "tools_list": {"result": {"tools": [tool]}},
    }
    table = {**good, **answers}
    return lambda asked: table.get(asked["method"].replace("/", "_"), {"result": {}})


def only_our_errors(answers: Answers) -> None:
    peer = ProtocolDriver(ServerAddress("http://127.0.0.1/", {}), HttpSession(TOOL, "x"), 5)
    with contextlib.suppress(ScaffoldError):
        perform(peer.open(), answers)
        perform(peer.bind(GET_SCHEMA)(None).steps(), answers)
        calling = peer.bind(EXECUTE)(ExecuteInput(function="f", args={}))
        perform_short(calling, answers)
        perform(calling.steps(), answers)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), ANY), st.booleans())
def test_any_result_of_a_call(result: dict[str, Any], ours: bool) -> None:
    mark = {"_meta": MARKED} if ours else {}
    tool = {"name": "f", "inputSchema": {"type": "object"}, **mark}
    only_our_errors(server(tools_list={"result": {"tools": [tool]}}, tools_call={"result": result}))


@settings(max_examples=50, deadline=None)
@given(
    st.fixed_dictionaries({"name": st.just("f") | ANY, "inputSchema": ANY}, optional={"_meta": ANY})
)
def test_any_tool_in_a_listing(tool: dict[str, Any]) -> None:
    only_our_errors(server(tools_list={"result": {"tools": [tool]}}))


@settings(max_examples=50, deadline=None)
@given(ANY, st.sampled_from(["result", "error"]))
def test_any_answer_to_anything(value: object, member: str) -> None:
    for method in ("server_discover", "initialize", "tools_list", "tools_call"):
        only_our_errors(server(**{method: {member: value}}))


def test_a_call_has_no_fast_path_while_fast_paths_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = ProtocolDriver(ServerAddress("http://127.0.0.1/", {}), HttpSession(TOOL, "x"), 5)
    answers = server(tools_call={"result": {"structuredContent": 1}})
    perform(driver.open(), answers)
    begin = driver.bind(EXECUTE)
    payload = ExecuteInput(function="f", args={})
    assert begin(payload).fast is not None
    monkeypatch.setattr(ProtocolDriver, "fast_paths", False)
    assert begin(payload).fast is None
