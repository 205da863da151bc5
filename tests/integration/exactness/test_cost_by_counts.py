"""The work of reading and refusing, counted in calls and not timed: unions and payloads at random.

The calls of Python functions and of C functions are counted, and pydantic calls a function of ours
for each number with a point that it tries as an integer.
"""

import random
import sys
from contextlib import suppress

import pytest
from costs import made, nested, text

from scaffold.contract import InvalidInput

UNION = {"$ref": "#/$defs/T"}
BUDGET = 250_000
"""Calls that one explanation may make, whatever the payload is: it has a budget of its own."""


def member(choose, number):
    """Return a member of a union that holds the union again, and what wraps a value into it."""
    kind = choose.choice(["closed", "open", "list", "map", "object of lists"])
    if kind == "list":
        return {"type": "array", "items": UNION}, lambda value: [value]
    if kind == "map":
        return {"type": "object", "additionalProperties": UNION}, lambda value: {"x": value}
    inner = {"type": "array", "items": UNION} if kind == "object of lists" else UNION
    properties = {"x": inner, f"p{number}": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": ["x"]}
    if kind == "closed":
        schema["additionalProperties"] = False
    return schema, (lambda value: {"x": [value]}) if inner is not UNION else (
        lambda value: {"x": value}
    )


def counted(call, data):
    """Return how many functions a call has called."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        with suppress(InvalidInput):
            call(data)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("innermost", [1, 1.5, "wrong"])
def test_the_work_grows_with_the_payload_and_not_with_the_ways_to_read_it(
    tmp_path, seed, innermost
):
    choose = random.Random(seed)
    members = [member(choose, number) for number in range(choose.randint(2, 4))]
    keyword = choose.choice(["anyOf", "anyOf", "oneOf"])
    union = {keyword: [{"type": "integer"}, *(schema for schema, _ in members)]}
    schema = {"type": "object", "properties": {"e": UNION}, "$defs": {"T": union}}
    hook = made(tmp_path, schema)
    wrap = choose.choice(members)[1]
    texts = {depth: text({"e": nested(depth, innermost, wrap)}) for depth in (10, 20, 40)}
    counted(hook.input.load, texts[10])  # imports and compiles what has to be once
    counts = {depth: counted(hook.input.load, data) for depth, data in texts.items()}
    assert counts[20] <= 3 * counts[10] + BUDGET / 10
    assert counts[40] <= 3 * counts[20] + BUDGET / 10
    assert counts[40] <= BUDGET
