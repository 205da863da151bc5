"""Servers of others with one fault: the fault harms what it is in, and nothing else."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ways_to_odd_servers import WAYS, blocking, over_stdio

from scaffold.client._stdio.channel import StdioChannel
from scaffold.contract._errors.errors import (
    DeadlineExceeded,
    HookError,
    InvalidInput,
    InvalidOutput,
    ProtocolError,
)


def fault(part, **members):
    return f"{part}:{json.dumps(members)}"


NULLS = [
    *(("tool", key) for key in ("title", "description", "outputSchema", "annotations", "_meta")),
    *(("list", key) for key in ("nextCursor", "_meta", "ttlMs", "resultType")),
    *(("discover", key) for key in ("capabilities", "_meta", "instructions")),
    *(("initialize", key) for key in ("capabilities", "_meta", "serverInfo")),
    *(("result", key) for key in ("isError", "structuredContent", "_meta", "resultType")),
    *(("answer", key) for key in ("error", "method", "params")),
]


@pytest.mark.parametrize(("part", "key"), NULLS)
def test_a_member_that_is_null_is_absent(part, key):
    with WAYS["stdio"](fault(part, **{key: None})) as tool:
        assert tool.names() == ["echo"]
        assert tool.call().result == "fine"


def test_members_that_are_null_are_absent_over_http_too(odd):
    with odd(fault("result", isError=None, structuredContent=None, _meta=None)) as tool:
        assert tool.call().result == "fine"
    with odd(fault("answer", error=None, method=None)) as tool:
        assert tool.call().result == "fine"


@pytest.mark.parametrize("kind", ["mystery", "input_required", "", 7, ["complete"]])
def test_a_result_that_is_not_complete_is_not_a_success(odd, kind):
    with odd(fault("result", resultType=kind)) as tool:
        with pytest.raises(ProtocolError, match=r"resultType.*not a complete result: fine"):
            tool.call()
        assert tool.names() == ["echo"]


REASONS = {
    "an object": {"code": -32000, "message": "token expired"},
    "a text": "token expired",
    "a code that is a text": {"code": "E_AUTH", "message": "token expired"},
    "a code that is a float": {"code": -32000.0, "message": "token expired"},
    "a code that is null": {"code": None, "message": "token expired"},
    "a message that is an object": {"code": 1, "message": {"why": "token expired"}},
    "members of its own": {"status": 401, "detail": "token expired"},
    "a list": ["token expired"],
}


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS)
def test_the_reason_of_a_refusal_is_never_lost(odd, reason):
    with odd(f"error:{json.dumps(reason)}") as tool, pytest.raises(ProtocolError) as refused:
        tool.call()
    assert "token expired" in str(refused.value)


@pytest.mark.parametrize("result", [{}, {"result": None}])
def test_a_result_next_to_an_error_is_not_a_success(odd, result):
    error = {"code": -32000, "message": "token expired"}
    with (
        odd(fault("answer", error=error, **result)) as tool,
        pytest.raises(ProtocolError, match=r"refused: token expired \(-32000\)"),
    ):
        tool.call()


@pytest.mark.parametrize(
    "content", [[{"type": "text", "text": "no luck"}], "no luck", ["no luck"], {"text": "no luck"}]
)
def test_the_reason_of_a_tool_that_failed_is_never_lost(odd, content):
    with (
        odd(fault("result", isError=True, content=content)) as tool,
        pytest.raises(HookError, match="no luck") as failed,
    ):
        tool.call()
    assert failed.value.code == "tool_failed"


OBJECT = {"type": "object"}
ODD_TOOLS = {
    "no schema": ({"name": "b"}, ["echo", "b"], "has no 'inputSchema'"),
    "a schema that is null": ({"name": "b", "inputSchema": None}, ["echo", "b"], "inputSchema"),
    "a schema that is a list": ({"name": "b", "inputSchema": []}, ["echo", "b"], "not an object"),
    "no name": ({"inputSchema": OBJECT}, ["echo"], "it has no name"),
    "a name that is a number": ({"name": 7, "inputSchema": OBJECT}, ["echo"], "it has no name"),
    "a second one": ({"name": "echo", "inputSchema": OBJECT}, ["echo"], "another one of its name"),
    "not a tool": ("b", ["echo"], "cannot be read"),
    "a description that is a number": (
        {"name": "b", "description": 7, "inputSchema": OBJECT},
        ["echo", "b"],
        "'description'",
    ),
    "metadata that is a text": (
        {"name": "b", "_meta": "x", "inputSchema": OBJECT},
        ["echo", "b"],
        "'_meta'",
    ),
}


@pytest.mark.parametrize(("tool", "names", "warning"), ODD_TOOLS.values(), ids=ODD_TOOLS)
def test_an_odd_tool_is_fixed_or_left_out_with_one_warning(odd, caplog, tool, names, warning):
    with odd(f"tools:{json.dumps([tool])}") as opened:
        assert opened.names() == names
        for name in names:
            assert opened.call(name).result == "fine"
        assert opened.names() == names
    warned = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1
    assert warned[0].name == "plugin.odd"
    assert warning in warned[0].getMessage()


@pytest.mark.parametrize("name", ["Grüße", "two words", "x" * 200, "a:b"])
def test_a_tool_whose_name_cannot_be_listed_has_another_one_here(odd, caplog, name):
    tools = [{"name": name, "inputSchema": OBJECT}]
    with odd(f"tools:{json.dumps(tools)}") as tool:
        echo, other = tool.names()
        assert echo == "echo"
        assert tool.call(other).result == "fine"
    assert f"tool '{name}' is called '{other}' here" in caplog.text


def test_a_mark_of_ours_on_one_tool_hides_no_other(odd):
    marked = {"name": "b", "inputSchema": OBJECT, "_meta": {"hookspec.scaffold/hook": ["x"]}}
    with odd(f"tools:{json.dumps([marked])}") as tool:
        assert tool.names() == ["echo", "b"]


UNCHECKED = {
    "a pattern of Python": {"type": "string", "pattern": "^a\\Z"},
    "a pattern of JavaScript": {"type": "string", "pattern": "^[\\w-.]+$"},
    "a pattern too large": {"type": "string", "pattern": "^\\d{1,100000}$|a"},
    "an unknown type": {"type": "any"},
    "draft 3": {"type": "string", "required": True},
    "another host": {"$ref": "https://example.com/schema.json"},
    "nowhere": {"$ref": "#/definitions/none"},
    "draft 4": {"type": "string", "minimum": 1, "exclusiveMinimum": True},
}


@pytest.mark.parametrize("text", UNCHECKED.values(), ids=UNCHECKED)
def test_what_cannot_be_checked_is_sent_and_the_rest_is_checked(odd_process, caplog, text):
    schema = {
        "type": "object",
        "properties": {"n": text, "count": {"type": "integer"}},
        "required": ["n"],
    }
    with odd_process(fault("tool", inputSchema=schema)) as tool:
        for _ in range(2):
            assert tool.call(n="text").result == "fine"
        with pytest.raises(InvalidInput, match="/args/count"):
            tool.call(n="text", count="three")
        with pytest.raises(InvalidInput, match="required"):
            tool.call()
    assert caplog.text.count("tool 'echo' takes arguments that are not checked in full") == 1


NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize("structured", [{"n": "x"}, {}, [1]])
def test_structured_content_is_held_to_the_output_schema(odd, structured):
    with (
        odd(f"both:{json.dumps([NUMBER, structured])}") as tool,
        pytest.raises(InvalidOutput, match="/result"),
    ):
        tool.call()


def test_structured_content_that_fits_its_schema_is_the_result(odd):
    with odd(f"both:{json.dumps([NUMBER, {'n': 7}])}") as tool:
        assert tool.call().result == {"n": 7}


def test_an_output_schema_that_cannot_be_compiled_is_left_out_with_a_warning(odd, caplog):
    schema = {"properties": {"n": {"type": "any"}, "m": {"type": "integer"}}}
    with odd(f"both:{json.dumps([schema, {'n': 7, 'm': 1}])}") as tool:
        assert tool.call().result == {"n": 7, "m": 1}
        assert tool.call().result == {"n": 7, "m": 1}
    assert caplog.text.count("tool 'echo' returns results that are not checked in full") == 1


def test_a_listing_of_pages_that_repeat_ends(odd):
    with pytest.raises(ProtocolError, match="no end: the cursor 'more' came twice"):
        odd(fault("list", nextCursor="more")).__enter__()


@pytest.mark.parametrize(
    ("kind", "reason"), [("big pages", "16777216 bytes"), ("many tools", "10000 tools")]
)
def test_all_pages_of_a_listing_together_are_bounded(odd_process, kind, reason):
    with pytest.raises(ProtocolError, match=f"tools/list has no end: more than {reason}"):
        odd_process(kind).__enter__()


def test_a_byte_order_mark_before_an_answer_is_skipped(odd, caplog):
    with odd("marked") as tool:
        assert tool.call().result == "fine"
    assert caplog.messages == []


def test_a_list_of_tools_that_is_null_is_empty(odd):
    with odd(fault("list", tools=None)) as tool:
        assert tool.names() == []


@pytest.mark.parametrize("how", ["dies after the probe", "dies of the probe"])
def test_an_old_server_that_dies_of_the_probe_is_started_again_as_old(
    odd_process, monkeypatch, how
):
    for module in ("sync_connection", "async_connection"):
        monkeypatch.setattr(f"scaffold.client._stdio.connection.{module}.PROBE_TIMEOUT", 0.2)
    with odd_process(how) as tool:
        assert tool.call().result == "fine"


def test_a_line_that_is_not_a_message_harms_only_itself(odd_process):
    with odd_process("odd line") as tool:
        for _ in range(2):
            assert tool.call().result == "fine"


def test_a_timeout_blames_a_server_only_for_the_call_that_it_has_not_read(caplog):
    caplog.set_level("INFO")
    with (
        over_stdio(blocking, StdioChannel, "silent", timeout=2.0) as tool,
        ThreadPoolExecutor(2) as threads,
    ):
        read = threads.submit(tool.call)
        while "reads no more" not in caplog.text and not read.done():
            time.sleep(0.005)
        unread = threads.submit(tool.call)
        errors = read.exception(), unread.exception()
    assert [type(error) for error in errors] == [DeadlineExceeded] * 2
    assert ["not read all" in str(error) for error in errors] == [False, True]


def test_structured_content_with_a_number_beyond_all_bounds_is_a_protocol_error(odd_process):
    with (
        odd_process("huge number") as tool,
        pytest.raises(ProtocolError, match="structured content cannot be read"),
    ):
        tool.call()
