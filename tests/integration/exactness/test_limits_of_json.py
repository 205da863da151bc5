"""JSON at its edges: what is no JSON is refused, and nothing is turned into something else."""

import datetime as dt
import json
import re
import time
from decimal import Decimal
from typing import Annotated, TypeAlias

import pytest
from pydantic import ValidationError

from scaffold.contract import (
    Dispatch,
    Field,
    Hook,
    Integer,
    InvalidInput,
    Json,
    JsonObject,
    Kind,
    Model,
)


class Open(Model):
    value: Json


class Flag(Model):
    flag: bool


Flags: TypeAlias = list[bool]


def payload(form, *, schema=None):
    """A payload that only its type guards, or its schema too if there is one."""
    described = {"empty": False, "object": False, "exact": True, "schema": schema or {}}
    exact = schema is not None
    hook = Hook[Json, Json]("probe", Dispatch.SINGLETON, input=form, exact_input=exact)
    contract = {"hooks": {"probe": {"input": described, "output": described}}}
    Kind("probe", "1.0.0", (hook,), digest="0", contract=contract)
    return hook.input


def rules(guard, text):
    with pytest.raises(InvalidInput) as refused:
        guard.load(text)
    return [problem.rule for problem in refused.value.problems]


FORMS = [(Open, b'{"value":%b}'), (JsonObject, b'{"value":%b}'), (list[Json], b"[%b]")]


@pytest.mark.parametrize("exact", [None, {"$comment": "anything"}])
@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
@pytest.mark.parametrize(("form", "around"), FORMS)
def test_a_word_that_is_no_number_is_no_json(form, around, word, exact):
    assert rules(payload(form, schema=exact), around % word) == ["json"]


@pytest.mark.parametrize("exact", [None, {"$comment": "anything"}])
def test_such_a_word_in_a_text_is_text(exact):
    guard = payload(Open, schema=exact)
    text = '{"value":"NaN, Infinity"}'
    assert guard.dump(guard.load(text)) == text.encode()


@pytest.mark.parametrize("exact", [None, {"$comment": "anything"}])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"deep": [float("-inf")]}])
def test_what_is_no_number_is_not_written_as_null(value, exact):
    with pytest.raises(InvalidInput):
        payload(Json, schema=exact).dump(value)
    with pytest.raises(InvalidInput):
        payload(Open, schema=exact).dump(Open.model_construct(value=value))


LOOP: list[Json] = []
LOOP.append(LOOP)
NOT_JSON = [
    ({1}, "a Python 'set' is not a JSON value"),
    (dt.date(2020, 1, 1), "a Python 'date' is not a JSON value"),
    ((1, 2), "a Python 'tuple' is not a JSON value"),
    (b"text", "a Python 'bytes' is not a JSON value"),
    (Open(value=1), "a Python 'Open' is not a JSON value"),
    (Decimal(1), "a Python 'Decimal' is not a JSON value"),
    ({1: "a"}, "an object whose keys are not text is not a JSON value"),
    (float("nan"), "nan is not a JSON value"),
    (LOOP, "there are more than 200 levels"),
    ("half: \ud800", "half a surrogate pair is not text"),
]


@pytest.mark.parametrize(("value", "message"), NOT_JSON)
def test_what_is_no_json_is_in_no_open_field_of_a_payload(value, message):
    for fields in ({"value": value}, {"value": [{"deep": value}]}, {"value": 1, "more": value}):
        with pytest.raises(ValidationError, match=re.escape(message)):
            Open(**fields)


@pytest.mark.parametrize(("value", "message"), NOT_JSON)
def test_what_is_no_json_is_not_written(value, message):
    for guard in (payload(Json), payload(list[Json])):
        with pytest.raises(InvalidInput) as refused:
            guard.dump([value])
        (problem,) = refused.value.problems
        assert message in problem.message or "not a JSON value" in problem.message


def test_a_value_in_an_open_field_stays_the_one_that_it_is():
    value = {"a": [1, 2.5, None, True, "b"]}
    assert Open(value=value).value is value


def test_a_list_is_held_to_its_bounds_when_it_is_written():
    guard = payload(Annotated[list[Annotated[str, Field(pattern="^a")]], Field(min_length=1)])
    assert guard.dump(["ab"]) == b'["ab"]'
    for wrong in ([], ["b"], [1]):
        with pytest.raises(InvalidInput):
            guard.dump(wrong)


@pytest.mark.parametrize("text", [b"[0]", b"[1]", b'["true"]', b"[null]"])
def test_a_type_that_is_no_class_is_as_strict_as_a_class(text):
    assert payload(Flags).load(b"[true,false]") == [True, False]
    assert rules(payload(Flags), text)
    assert rules(payload(list[Flag]), b'[{"flag":%b}]' % text[1:-1])


@pytest.mark.parametrize(
    "number",
    [
        "0",
        "-0.0",
        "1e3",
        "1.5",
        "9007199254740993",
        "-123456789012345678901234567890",
        "1" * 4000,
        "1.7976931348623157e308",
        "5e-324",
    ],
)
@pytest.mark.parametrize("exact", [None, {"type": "object"}])
def test_a_number_comes_out_as_it_went_in(number, exact):
    guard = payload(Open, schema=exact)
    before = guard.load(f'{{"value":{number}}}').value
    after = guard.load(guard.dump(guard.load(f'{{"value":{number}}}'))).value
    assert (repr(after), type(after)) == (repr(before), type(before))


def test_a_pattern_that_backtracks_without_end_refuses_in_bounded_time():
    guard = payload(Json, schema={"pattern": r"^(?:(?=x|a)(a|a|\1)*b|a*!)$"})
    assert guard.load(b'"aaa!"') == "aaa!"
    start = time.process_time()
    with pytest.raises(InvalidInput, match="limit for backtracking"):
        guard.load(b'"%b!"' % (b"a" * 64))
    assert time.process_time() - start < 1


def test_a_pattern_without_look_around_takes_linear_time():
    guard = payload(Json, schema={"pattern": "^(a+)+$"})
    start = time.process_time()
    assert guard.load(b'"%b"' % (b"a" * 1_000_000))
    assert rules(guard, b'"%b!"' % (b"a" * 1_000_000)) == ["pattern"]
    assert time.process_time() - start < 1


def test_a_payload_that_is_nested_too_deeply_is_refused():
    guard = payload(Json, schema={"$comment": "anything"})
    assert guard.dump(guard.load(b"[" * 150 + b"]" * 150)) == b"[" * 150 + b"]" * 150
    assert rules(guard, b"[" * 100_000 + b"]" * 100_000) == ["json"]


@pytest.mark.parametrize(
    "text",
    [
        *(b"1" * 4301, b"01", b"1.", b"'a'", b"[1,]", b"1 2", b""),
        *(
            b'"\\ud800"',
            b'"\xff"',
            b'"\xed\xa0\x80"',
            b'"a\nb"',
            b'"\x00"',
            '"\ud800"',
            b"\xef\xbb\xbf1",
        ),
        *(b"[" * 202 + b"]" * 202, b"[" * 100_000),
    ],
)
def test_what_no_reader_should_take_is_refused_with_or_without_the_schema(text):
    around = ('{"value":%s}' if isinstance(text, str) else b'{"value":%b}') % text
    for form in (Open, Json, JsonObject):
        for schema in (None, {"$comment": "anything"}):
            assert rules(payload(form, schema=schema), around) == ["json"]


@pytest.mark.parametrize("number", [b"1e400", b"-1e400"])
def test_a_number_that_is_none_of_a_double_is_refused(number):
    text = b'{"value":%b}' % number
    assert rules(payload(Open, schema={"$comment": "anything"}), text) == ["json"]
    guard = payload(Open)
    with pytest.raises(InvalidInput):
        guard.dump(guard.load(text))


class Count(Model):
    count: Integer


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("number", ["1e400", "-1e400"])
def test_a_number_that_is_out_of_range_is_named_as_such(number, exact):
    schema = {"type": "object", "properties": {"count": {"type": "integer"}}}
    guard = payload(Count, schema=schema) if exact else payload(Count)
    with pytest.raises(InvalidInput) as refused:
        guard.load(f'{{"count":{number}}}')
    (problem,) = refused.value.problems
    assert (problem.path, problem.rule) == ("/count", "json")
    assert "out of range" in problem.message


@pytest.mark.parametrize("schema", [None, {"$comment": "anything"}])
def test_of_a_key_that_is_there_twice_the_last_value_counts(schema):
    for form in (Open, Json, JsonObject):
        guard = payload(form, schema=schema)
        assert guard.dump(guard.load(b'{"value":1,"value":2}')) == b'{"value":2}'


@pytest.mark.parametrize(
    ("schema", "text", "path", "rule"),
    [
        (False, "1", "", "false"),
        ({"properties": {"a": False}}, '{"a":1}', "/a", "properties"),
        ({"prefixItems": [False]}, "[1]", "/0", "prefixItems"),
        ({"items": False}, "[1]", "/0", "items"),
        ({"patternProperties": {"^a": False}}, '{"a":1}', "/a", "patternProperties"),
    ],
)
def test_a_schema_that_allows_nothing_is_named_by_its_keyword(schema, text, path, rule):
    described = {"empty": False, "object": False, "exact": True, "schema": schema}
    hook = Hook[Json, Json]("probe", Dispatch.SINGLETON, input=Json, exact_input=True)
    Kind("probe", "1.0.0", (hook,), digest="0", contract={"hooks": {"probe": {"input": described}}})
    with pytest.raises(InvalidInput) as refused:
        hook.input.load(text)
    (problem,) = refused.value.problems
    assert (problem.path, problem.rule) == (path, rule)


def test_a_message_does_not_repeat_a_large_value():
    with pytest.raises(InvalidInput) as refused:
        payload(Json, schema={"type": "object"}).load(json.dumps(["x" * 100_000]))
    (problem,) = refused.value.problems
    assert len(problem.message) < 500
    assert problem.message.endswith('is not of type "object"')
