"""What reading, refusing and writing costs: no more than a few times what judging costs."""

import json
import warnings
from contextlib import suppress

import pytest
from costs import FIXED, MEGABYTES, RATIO, expressions, grown, made, nested, spent, text

from scaffold.contract import InvalidInput, InvalidOutput, Problem
from scaffold.contract._errors.problems import MAX_PROBLEMS, OmittedProblems
from scaffold.contract._validation.validator import CompiledSchema

MOST_BYTES = 64 << 10
"""Bytes that a refusal may have, as an answer over the wire."""

REFERENCE = {"$ref": "#/$defs/T"}


def payload(members, keyword="anyOf"):
    """Return the schema of an object that holds a value of a union, which may hold another."""
    union = {keyword: members}
    return {
        "type": "object",
        "required": ["e"],
        "properties": {"e": REFERENCE},
        "$defs": {"T": union},
    }


def thing(*required, closed=True, **properties):
    """Return the schema of an object."""
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {**schema, "additionalProperties": False} if closed else schema


WITHOUT_TAGS = {
    "closed": payload(
        [
            {"type": "integer"},
            thing("x", x=REFERENCE, a={"type": "string"}),
            thing("x", x=REFERENCE, b={"type": "integer"}),
        ]
    ),
    "open": payload(
        [
            {"type": "integer"},
            thing("x", x=REFERENCE, a={"type": "string"}, closed=False),
            thing("x", x=REFERENCE, b={"type": "integer"}, closed=False),
        ]
    ),
    "exclusive": payload(
        [
            {"type": "integer"},
            thing("x", "a", x=REFERENCE, a={"type": "string"}),
            thing("x", "b", x=REFERENCE, b={"type": "integer"}),
        ],
        "oneOf",
    ),
    "in lists": payload(
        [
            {"type": "integer"},
            thing("x", x={"type": "array", "items": REFERENCE}),
            thing("x", x={"type": "array", "items": REFERENCE}, b={"type": "integer"}),
        ]
    ),
    "in maps": payload(
        [
            {"type": "integer"},
            {"type": "object", "additionalProperties": REFERENCE},
            thing("x", x=REFERENCE, b={"type": "integer"}),
        ]
    ),
    "lists of lists": payload(
        [
            {"type": "integer"},
            {"type": "array", "items": REFERENCE},
            {"type": "array", "items": {"anyOf": [REFERENCE, {"type": "null"}]}},
        ]
    ),
}

WRAPS = {
    "closed": lambda value: {"x": value},
    "open": lambda value: {"x": value, "b": 1},
    "exclusive": lambda value: {"x": value, "b": 1},
    "in lists": lambda value: {"x": [value]},
    "in maps": lambda value: {"x": value},
    "lists of lists": lambda value: [value],
}

ANYTHING = {"in maps", "lists of lists"}
"""Those of which the type holds any value, since no alias contains itself: the schema refuses."""


def accepts(hook, data):
    """Judge a payload by its schema alone, with all that judging needs."""
    accept = CompiledSchema(hook.input.schema).judge()
    accept(data)
    return spent(accept, data)


def is_cheap(hook, data, call):
    """Return what a call made of a payload, if it cost what it may."""
    _, judged = accepts(hook, data)
    spent(call, text({}))  # compiles and imports what has to be once
    result, seconds = spent(call, data)
    assert seconds < RATIO * judged + FIXED
    return result


@pytest.mark.parametrize("name", WITHOUT_TAGS)
def test_a_recursive_union_without_tags_is_read_in_linear_time(tmp_path, name):
    hook = made(tmp_path, WITHOUT_TAGS[name])
    data = text({"e": nested(60, 1, WRAPS[name])})
    value = is_cheap(hook, data, hook.input.load)
    assert json.loads(hook.input.dump(value)) == json.loads(data)


@pytest.mark.parametrize("name", WITHOUT_TAGS)
def test_a_recursive_union_without_tags_is_refused_in_linear_time(tmp_path, name):
    hook = made(tmp_path, WITHOUT_TAGS[name])
    data = text({"e": nested(60, "wrong", WRAPS[name])})
    refusal = is_cheap(hook, data, hook.input.load)
    assert isinstance(refusal, InvalidInput)
    assert refusal.problems[0].path == "/e"


def test_a_recursive_union_with_tags_is_refused_in_linear_time(tmp_path):
    hook = made(tmp_path, expressions())
    data = text({"e": nested(60, "wrong", lambda value: {"op": "not", "arg": value})})
    refusal = is_cheap(hook, data, hook.input.load)
    assert isinstance(refusal, InvalidInput)
    assert refusal.rest.number > 0
    assert len(str(refusal)) < MOST_BYTES


def test_a_shallow_refusal_of_a_recursive_union_leads_to_the_wrong_value(tmp_path):
    hook = made(tmp_path, expressions())
    with pytest.raises(InvalidInput) as refused:
        hook.input.load(b'{"e":{"op":"not","arg":{"op":"neg","arg":"wrong"}}}')
    assert [problem.path for problem in refused.value.problems] == ["/e", "/e/arg", "/e/arg/arg"]
    assert refused.value.rest == OmittedProblems()


def test_an_output_is_read_and_refused_as_an_input_is(tmp_path):
    hook = made(tmp_path, WITHOUT_TAGS["closed"])
    data = text({"e": nested(60, 1, WRAPS["closed"])})
    assert json.loads(hook.output.dump(is_cheap(hook, data, hook.output.load))) == json.loads(data)
    refusal = is_cheap(hook, data.replace(b"1", b"null"), hook.output.load)
    assert isinstance(refusal, InvalidOutput)


@pytest.mark.parametrize("name", WITHOUT_TAGS)
def test_the_class_of_a_payload_takes_nested_values_in_linear_time(tmp_path, name):
    model = made(tmp_path, WITHOUT_TAGS[name]).input.python_type
    value = {"e": nested(60, 1, WRAPS[name])}
    for make in (model.model_validate, lambda plain: model(**plain)):
        result, seconds = spent(make, value)
        assert seconds < FIXED
        assert json.loads(result.model_dump_json(exclude_unset=True)) == value
    result, seconds = spent(model.model_validate, {"e": nested(60, "wrong", WRAPS[name])})
    assert isinstance(result, ValueError) == (name not in ANYTHING)
    assert seconds < FIXED
    result, seconds = spent(model.model_validate_json, text(value))
    assert json.loads(result.model_dump_json(exclude_unset=True)) == value
    assert seconds < FIXED


@pytest.mark.parametrize("name", WITHOUT_TAGS)
def test_what_was_put_into_a_recursive_union_later_is_refused_in_linear_time(tmp_path, name):
    hook = made(tmp_path, WITHOUT_TAGS[name])
    value = hook.input.load(text({"e": nested(60, 1, WRAPS[name])}))
    vars(value)["e"] = nested(60, "wrong", WRAPS[name])
    result, seconds = spent(hook.input.dump, value)
    assert isinstance(result, InvalidInput)
    assert seconds < FIXED


@pytest.mark.parametrize(
    ("text", "member"),
    [
        (b'{"e":{"x":1,"a":"t"}}', "with a"),
        (b'{"e":{"x":1,"b":2}}', "with b"),
        (b'{"e":{"x":{"x":1,"b":2}}}', "with a"),
        (b'{"e":{"x":1}}', "with a"),
    ],
)
def test_the_member_is_the_one_that_pydantic_takes(tmp_path, text, member):
    value = made(tmp_path, WITHOUT_TAGS["open"]).input.load(text).e
    assert ("with a" if "a" in type(value).model_fields else "with b") == member


def test_members_that_are_many_are_not_all_tried(tmp_path):
    letters = [
        thing(
            f"p{number}",
            **{
                f"p{number}": {"type": "array", "items": {"type": "string"}},
                "data": {"type": "array", "items": {"type": "string"}},
            },
        )
        for number in range(40)
    ]
    hook = made(tmp_path, {"type": "array", "items": {"anyOf": letters}})
    data = text([{f"p{number % 40}": ["x"], "data": ["y"] * 10} for number in range(1000)])
    value = is_cheap(hook, data, hook.input.load)
    assert json.loads(hook.input.dump(value)) == json.loads(data)
    refusal = is_cheap(hook, data.replace(b'"y"', b"1"), hook.input.load)
    assert isinstance(refusal, InvalidInput)


def wide(**schema):
    return {"type": "object", "properties": {"data": schema}}


MANY = ["x" * 90] * 5000
LARGE = {
    "items of another type": (wide(type="array", items={"type": "integer"}), {"data": MANY}),
    "items of no member": (
        wide(type="array", items={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        {"data": MANY},
    ),
    "nothing required": (
        {**wide(type="array"), "required": [f"p{number}" for number in range(50)]},
        {"data": MANY},
    ),
    "too many names": (
        {"type": "object", "additionalProperties": False},
        {f"k{number}": 1 for number in range(50_000)},
    ),
    "names": (
        {"type": "object", "propertyNames": {"maxLength": 2}},
        {f"k{number}": 1 for number in range(50_000)},
    ),
    "values of a map": (
        {"type": "object", "additionalProperties": {"type": "string"}},
        {f"k{number}": 1 for number in range(50_000)},
    ),
    "a large value": (wide(anyOf=[{"type": "string"}, {"type": "null"}]), {"data": MANY}),
    "a long text": (wide(type="string", maxLength=10), {"data": "\0" * 500_000}),
    "a long name": (
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"x" * 500_000: {}},
    ),
    "twins": (wide(type="array", uniqueItems=True), {"data": MANY}),
    "one of a few": (wide(enum=["a", "b"]), {"data": MANY}),
    "not so": (wide(**{"not": {"type": "array"}}), {"data": MANY}),
    "nothing contained": (wide(type="array", contains={"type": "integer"}), {"data": MANY}),
    "unevaluated": (
        {"type": "object", "unevaluatedProperties": False},
        {f"k{number}": 1 for number in range(5_000)},
    ),
    "deep": (
        {"$ref": "#/$defs/T", "$defs": {"T": {"anyOf": [{"type": "string"}, thing(c=REFERENCE)]}}},
        nested(190, 1, lambda value: {"c": value}),
    ),
    "nothing required at any level": (
        {
            "$ref": "#/$defs/T",
            "$defs": {"T": thing("a", "b", c=REFERENCE, data={"type": "array"}, closed=False)},
        },
        nested(100, {"data": MANY}, lambda value: {"c": value}),
    ),
    "a text or an object at every level": (
        {
            "$ref": "#/$defs/T",
            "$defs": {
                "T": {"anyOf": [{"type": "string"}, thing(c=REFERENCE, data={"type": "array"})]}
            },
        },
        nested(100, {"data": MANY, "extra": 1}, lambda value: {"c": value}),
    ),
    "members with problems": (
        {
            "oneOf": [
                thing(
                    "kind",
                    *(f"p{i}" for i in range(10)),
                    kind={"const": f"k{number}"},
                    data={"type": "array"},
                    closed=False,
                )
                for number in range(20)
            ]
        },
        {"kind": "none", "data": MANY},
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_payload_is_refused_at_the_cost_of_judging_it(tmp_path, name):
    schema, value = LARGE[name]
    hook = made(tmp_path, schema)
    refusal = is_cheap(hook, text(value), hook.input.load)
    assert isinstance(refusal, InvalidInput)
    assert 0 < len(refusal.problems) <= MAX_PROBLEMS
    written = json.dumps([str(refusal), refusal.message, refusal.data], ensure_ascii=False)
    assert len(written.encode()) < MOST_BYTES


HEAVY = (
    *("too many names", "values of a map", "items of no member", "a large value"),
    *("nothing required", "nothing required at any level", "a text or an object at every level"),
)
"""Those of which a reader that collects every error, or copies the value to each, takes most."""


@pytest.mark.parametrize("name", HEAVY)
def test_a_large_payload_is_refused_in_the_memory_that_judging_it_takes(tmp_path, name):
    schema, value = LARGE[name]
    hook = made(tmp_path, schema)
    judge = CompiledSchema(hook.input.schema).judge()
    for call in (judge, hook.input.load):
        spent(call, text({}))  # compiles and imports what has to be once
    data = text(value)
    assert grown(hook.input.load, data) < RATIO * grown(judge, data) + MEGABYTES


MADE_WRONG = {
    "a list": ({"type": "array", "items": {"type": "integer"}}, ["wrong"] * 100_000),
    "a map": (
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {f"k{number}": "wrong" for number in range(50_000)},
    ),
    "half a pair": ({"type": "array", "items": {"type": "string"}}, ["\ud800"] * 20_000),
}


@pytest.mark.parametrize("name", MADE_WRONG)
def test_a_large_value_is_refused_at_the_cost_of_judging_it(tmp_path, name):
    schema, value = MADE_WRONG[name]
    hook = made(tmp_path, schema)
    judge = CompiledSchema(hook.input.schema).accepts
    with suppress(InvalidInput):
        hook.input.dump([None])  # compiles and imports what has to be once
    _, judged = spent(judge, value)
    refusal, seconds = spent(hook.input.dump, value)
    assert isinstance(refusal, InvalidInput)
    assert len(refusal.problems) == MAX_PROBLEMS
    assert refusal.problems[0].path == ("/k0" if name == "a map" else "/0")
    assert refusal.rest.number > 0
    assert seconds < RATIO * judged + FIXED
    assert grown(hook.input.dump, value) < RATIO * grown(judge, value) + MEGABYTES


def test_what_was_put_into_an_instance_is_refused_without_a_warning_for_each_item(tmp_path):
    items = {"type": "array", "uniqueItems": True, "items": {"type": "object"}}
    hook = made(tmp_path, {"type": "object", "properties": {"data": items}})
    value = hook.input.load(b'{"data":[]}')
    vars(value)["data"] = [1] * 100_000
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        refusal, _ = spent(hook.input.dump, value)
    assert isinstance(refusal, InvalidInput)
    assert not warned


def test_an_object_of_a_class_with_many_names_is_read_at_the_cost_of_judging_it(tmp_path):
    names = {f"Name{number}": {"type": "string"} for number in range(300)}
    hook = made(tmp_path, {"type": "object", "properties": names})
    value = is_cheap(hook, text({"more": "x" * 2_000_000}), hook.input.load)
    assert len(value.model_extra["more"]) == 2_000_000


def optional(number):
    """Return the schema of an object with so many optional properties."""
    return thing(closed=False, **{f"p{index}": {"type": "string"} for index in range(number)})


SPARSE = {
    "in a list": {"type": "array", "items": optional(100)},
    "in a union": {"type": "array", "items": {"anyOf": [{"type": "string"}, optional(100)]}},
    "in maps": {
        "type": "array",
        "items": {"type": "object", "additionalProperties": optional(100)},
    },
    "in themselves": {
        "type": "array",
        "items": REFERENCE,
        "$defs": {"T": {**optional(100), "additionalProperties": REFERENCE}},
    },
}


@pytest.mark.parametrize("name", SPARSE)
def test_objects_that_lack_too_many_properties_are_refused(tmp_path, name):
    hook = made(tmp_path, SPARSE[name])
    small, large = [{"a": {}}] * 1_000, [{"a": {}}] * 100_000
    if name in ("in a list", "in a union"):
        small, large = [{}] * 4_000, [{}] * 200_000
    assert json.loads(hook.input.dump(hook.input.load(text(small)))) == small
    refusal = is_cheap(hook, text(large), hook.input.load)
    assert isinstance(refusal, InvalidInput)
    assert [(problem.path, problem.rule) for problem in refusal.problems] == [("", "json")]
    judge = CompiledSchema(hook.input.schema).judge()
    assert grown(hook.input.load, text(large)) < RATIO * grown(judge, text(large)) + MEGABYTES


def test_an_output_that_lacks_too_many_properties_is_refused(tmp_path):
    hook = made(tmp_path, SPARSE["in a list"])
    with pytest.raises(InvalidOutput, match="lack more than"):
        hook.output.load(text([{}] * 20_000))


def test_the_limit_of_absent_properties_can_be_raised(tmp_path, monkeypatch):
    monkeypatch.setenv("SCAFFOLD_MAX_ABSENT_PROPERTIES", "2000000")
    hook = made(tmp_path, SPARSE["in a list"])
    assert len(hook.input.load(text([{}] * 20_000))) == 20_000
    with pytest.raises(InvalidInput, match="lack more than"):
        hook.input.load(text([{}] * 40_000))


def test_objects_of_any_form_lack_nothing(tmp_path):
    schema = optional(100)
    schema["properties"]["data"] = {"type": "array"}
    hook = made(tmp_path, schema)
    assert len(hook.input.load(text({"data": [{}] * 100_000})).data) == 100_000


def test_a_wide_object_of_a_long_list_is_what_it_is_alone(tmp_path):
    schema = optional(30)
    schema["properties"] |= {
        "tags": {"type": "array", "items": {"type": "string"}, "default": []},
        "size": {"type": "integer", "default": 7},
        "inner": optional(25),
    }
    hook = made(tmp_path, {"type": "array", "items": {**schema, "required": ["p3"]}})
    values = [
        {"p3": "x", **({"tags": ["a"]} if index % 2 else {"inner": {"p1": "y"}})}
        for index in range(200)
    ]
    long = hook.input.load(text(values))
    for value, read in zip(values, long, strict=True):
        (alone,) = hook.input.load(text([value]))
        assert read == alone
        assert list(vars(read)) == list(vars(alone))
        assert read.model_fields_set == alone.model_fields_set
    assert long[0].tags == []
    assert long[0].tags is not long[2].tags


def test_a_refusal_says_how_many_problems_it_leaves_out():
    refusal = InvalidInput("run", [Problem(f"/{number}", "type", "wrong") for number in range(250)])
    assert len(refusal.problems) == MAX_PROBLEMS
    assert refusal.message.endswith("; and 150 more")
    assert refusal.data["more"] == 150


def test_a_search_that_ended_early_says_so():
    rest = OmittedProblems(3, is_exact=False)
    refusal = InvalidInput("run", [Problem("", "type", "wrong")], rest)
    assert refusal.message.endswith("; and at least 3 more")
    assert str(OmittedProblems(0, is_exact=False)) == "; and perhaps more"


def test_messages_of_any_length_are_cut():
    problem = Problem("/" + "p" * 5_000, "type", "m" * 100_000)
    refusal = InvalidInput("run", [problem])
    assert refusal.problems[0].path == ""
    assert len(refusal.problems[0].message) < 400
