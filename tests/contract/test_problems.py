"""What a refusal tells: of unions what the member that was meant lacks, and all in one order."""

import pytest

from scaffold.contract import InvalidInput
from scaffold.contract._errors.problems import Problem
from scaffold.contract._validation.validator import CompiledSchema

PERCENT = {
    "type": "object",
    "required": ["kind", "value"],
    "properties": {"kind": {"const": "percent"}, "value": {"type": "number", "maximum": 100}},
}
AMOUNT = {
    "type": "object",
    "required": ["kind", "value"],
    "properties": {
        "kind": {"const": "amount"},
        "value": {"type": "number"},
        "currency": {"enum": ["EUR", "USD"]},
    },
}
DISCOUNT = {"oneOf": [PERCENT, AMOUNT, {"type": "null"}]}
TEXTS = {"anyOf": [{"type": "string", "minLength": 3}, {"type": "array", "items": DISCOUNT}]}


@pytest.mark.parametrize(
    ("schema", "value", "inside"),
    [
        (DISCOUNT, {"kind": "percent", "value": 200}, ["/value maximum"]),
        (DISCOUNT, {"kind": "amount", "value": "1", "currency": "GBP"},
         ["/value type", "/currency enum"]),
        (DISCOUNT, {"kind": "half", "value": 1}, ["/kind const", "/kind const"]),
        (DISCOUNT, {}, [" required", " required"]),
        (DISCOUNT, 3, []),
        (TEXTS, "a", [" minLength"]),
        (TEXTS, [None, {"kind": "percent"}], ["/1 oneOf", "/1 required"]),
        (TEXTS, 5, []),
    ],
)  # fmt: skip
def test_the_member_that_was_meant_is_explained(schema, value, inside):
    (_, *found) = CompiledSchema(schema).problems(value)
    assert [f"{problem.path} {problem.rule}" for problem in found] == inside


def test_problems_stand_in_the_order_of_the_payload():
    paths = ["/a/10", "/a/9", "/b", "", "/a/x", "/a", "/a/²", f"/a/{'9' * 5_000}"]
    refusal = InvalidInput("run", [Problem(path, "type", "wrong") for path in (*paths, "/b")])
    assert [problem.path for problem in refusal.problems][:4] == [
        "",
        "/a",
        "/a",  # a pointer of 5,000 characters ends at the object around
        "/a/x",
    ]
    assert [problem.path for problem in refusal.problems][-3:] == ["/a/9", "/a/10", "/b"]
