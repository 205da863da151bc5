"""Payloads: what passes, what is refused, and how a refusal reads."""

import gc
import subprocess
import sys
from typing import Annotated, Any

import pytest

from scaffold.contract import (
    Dispatch,
    Field,
    Hook,
    Integer,
    InvalidInput,
    InvalidOutput,
    Json,
    Kind,
    Model,
    Number,
)
from scaffold.contract._json import GC_PAUSE_BYTES
from scaffold.kinds.tool_v1 import TOOL, ExecuteInput, ExecuteOutput
from scaffold.kinds.tool_v1.plugin import EXECUTE, GET_SCHEMA


def kind_of(schema: Json, *, form: object = Json) -> Hook[Json, Json]:
    payload = {"empty": False, "object": False, "exact": True, "schema": schema}
    contract = {"hooks": {"probe": {"input": payload, "output": payload}}}
    hook = Hook[Json, Json](
        "probe", Dispatch.SINGLETON, input=form, output=form, exact_input=True, exact_output=True
    )
    Kind("probe", "1.0.0", (hook,), digest="0", contract=contract)
    return hook


def test_a_valid_payload_is_read_into_its_model_and_written_back_unchanged():
    text = b'{"function":"add","args":{"a":1,"b":2.5}}'
    payload = EXECUTE.input.load(text)
    assert payload == ExecuteInput(function="add", args={"a": 1, "b": 2.5})
    assert EXECUTE.input.dump(payload) == text


def test_what_was_put_into_a_payload_later_and_is_of_another_type_is_warned_of():
    payload = ExecuteInput(function="add", args={})
    vars(payload)["function"] = 1
    with pytest.warns(UserWarning, match="Expected `str`"):
        EXECUTE.input.dump(payload)


def test_every_problem_of_a_payload_is_reported_in_a_stable_order():
    with pytest.raises(InvalidInput) as refused:
        EXECUTE.input.load(b'{"function":1,"extra":true}')
    assert [(p.path, p.rule) for p in refused.value.problems] == [
        ("", "additionalProperties"),
        ("", "required"),
        ("/function", "type"),
    ]


def test_a_problem_names_the_value_by_json_pointer():
    with pytest.raises(InvalidOutput) as refused:
        GET_SCHEMA.output.load(b'[{"name":"a b","description":"","parameters":{"type":"object"}}]')
    assert [(p.path, p.rule) for p in refused.value.problems] == [("/0/name", "pattern")]


def test_a_pointer_escapes_tildes_and_slashes():
    hook = kind_of({"additionalProperties": {"type": "integer"}})
    with pytest.raises(InvalidInput) as refused:
        hook.input.load(b'{"a/b~c":"x"}')
    assert refused.value.problems[0].path == "/a~1b~0c"


@pytest.mark.parametrize("text", [b"", b"{", b"nonsense", b'{"a":NaN}', b'"\xff"'])
def test_text_that_is_no_json_is_refused_as_such(text: bytes):
    with pytest.raises(InvalidInput) as refused:
        EXECUTE.input.load(text)
    assert refused.value.problems[0].rule == "json"


def test_an_empty_payload_reads_as_none_and_refuses_properties():
    assert GET_SCHEMA.input.load(b"{}") is None
    assert GET_SCHEMA.input.dump(None) == b"{}"
    with pytest.raises(InvalidInput) as refused:
        GET_SCHEMA.input.load(b'{"a":1}')
    assert refused.value.problems[0].rule == "additionalProperties"


@pytest.mark.parametrize(
    ("value", "valid"), [(b"1", True), (b"1.0", True), (b"1.5", False), (b"true", False)]
)
def test_an_integer_is_what_json_schema_calls_one(value: bytes, valid: bool):
    hook = kind_of({"type": "integer"})
    if valid:
        assert hook.input.load(value) == 1
    else:
        with pytest.raises(InvalidInput):
            hook.input.load(value)


def test_long_numbers_stay_exact():
    hook = kind_of({"type": "integer"})
    text = b"123456789012345678901234567890"
    assert hook.input.dump(hook.input.load(text)) == text


def test_a_default_is_honoured_and_not_written_back():
    output = EXECUTE.output.load(b'{"result":5}')
    assert output.content == []
    assert EXECUTE.output.dump(output) == b'{"result":5}'


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("nonsense", '"nonsense" is not of type "object"'),
        ({"result": 1}, "expected 'ExecuteOutput', found a Python 'dict'"),
        (object(), "a Python 'object' is not a JSON value"),
    ],
)
def test_a_value_of_the_wrong_class_is_refused_when_written(value: Any, message: str):
    with pytest.raises(InvalidOutput) as refused:
        EXECUTE.output.dump(value)
    assert [problem.message for problem in refused.value.problems] == [message]


def test_a_payload_of_other_bindings_is_converted_and_checked():
    untyped = Kind.from_contract(TOOL.contract).hooks["execute"]
    admitted = EXECUTE.input.convert({"function": "add", "args": {}}, untyped.input)
    assert admitted == ExecuteInput(function="add", args={})
    with pytest.raises(InvalidInput):
        EXECUTE.input.convert({"function": 1}, untyped.input)


def test_a_payload_of_the_same_bindings_is_admitted_as_it_is():
    output = ExecuteOutput(result=1)
    assert EXECUTE.output.convert(output, EXECUTE.output) is output


def test_references_outside_the_contract_are_refused_and_never_fetched():
    hook = kind_of({"$ref": "http://127.0.0.1:9/schema.json"})
    with pytest.raises(Exception, match="not part of the contract"):
        hook.input.load(b"1")


def test_a_payload_that_its_model_enforces_does_not_import_the_schema_compiler():
    code = (
        "import sys; from scaffold.kinds.tool_v1.plugin import EXECUTE;"
        'EXECUTE.input.load(b\'{"function":"a","args":{}}\');'
        "sys.exit('jsonschema_rs' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_exact_output_is_checked_when_written():
    hook = kind_of({"uniqueItems": True})
    assert hook.output.dump([1, 2]) == b"[1,2]"
    with pytest.raises(InvalidOutput):
        hook.output.dump([1, 1])


class Amount(Model):
    number: Number | bool
    whole: Integer | bool


def guard_of(form: object) -> Any:
    hook = Hook[Json, Json]("probe", Dispatch.SINGLETON, input=form)
    described = {"empty": False, "object": False, "exact": False, "schema": {}}
    Kind("probe", "1.0.0", (hook,), digest="0", contract={"hooks": {"probe": {"input": described}}})
    return hook.input


@pytest.mark.parametrize("number", [b"1", b"1.5", b"1e+300", b"1%b" % (b"0" * 400), b"true"])
def test_a_number_is_written_as_what_it_is(number: bytes):
    whole = number if b"." not in number and b"e+" not in number else b"1"
    text = b'{"number":%b,"whole":%b}' % (number, whole)
    assert guard_of(Amount).dump(guard_of(Amount).load(text)) == text


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), "text", None, [1]])
def test_an_instance_of_a_subclass_is_written_only_if_it_can_be_read_back(wrong: object):
    class Sum(Amount):
        pass

    assert guard_of(Amount).dump(Sum(number=1, whole=2)) == b'{"number":1,"whole":2}'
    with pytest.raises(InvalidInput):
        guard_of(Amount).dump(Sum.model_construct(number=wrong, whole=1))


def test_a_property_that_python_calls_otherwise_goes_by_its_own_name_in_json():
    class Lesson(Model):
        class_: Annotated[str, Field(alias="class")]

    guard = guard_of(Lesson)
    assert guard.load(b'{"class":"a"}') == Lesson(class_="a")
    both = b'{"class":"a","class_":1}'
    assert guard.dump(guard.load(both)) == both
    with pytest.raises(InvalidInput):
        guard.load(b'{"class_":"a"}')


@pytest.mark.parametrize("collecting", [True, False])
def test_a_long_text_leaves_the_garbage_collector_as_it_was(collecting: bool):
    guard = guard_of(list[str])
    long = b'["%b"]' % (b"x" * GC_PAUSE_BYTES)
    if not collecting:
        gc.disable()
    try:
        assert len(guard.load(long)[0]) == GC_PAUSE_BYTES
        with pytest.raises(InvalidInput):
            guard.load(long[:-1])
        assert gc.isenabled() is collecting
    finally:
        gc.enable()


def test_half_a_surrogate_pair_in_a_text_is_the_problem_that_is_told():
    with pytest.raises(InvalidInput) as refused:
        EXECUTE.input.dump(ExecuteInput(function="\ud800", args={}))
    assert [(p.path, p.rule) for p in refused.value.problems] == [("/function", "json")]
