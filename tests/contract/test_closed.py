"""Types whose texts need no look for numbers that are none."""

from typing import Any, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from scaffold.contract import Integer, Json, Maybe, Model, Number
from scaffold.contract.closed import is_closed
from scaffold.contract.model import Model as Base


class Leaf(Model, extra="forbid"):
    type: Literal["leaf", 1]
    size: Number
    count: Maybe[Integer] = None


class Tree(Model, extra="forbid"):
    children: "list[Tree] | None"
    leaves: dict[str, Leaf]


class Open(Model):
    size: Number


class Holder(Model, extra="forbid"):
    anything: Json


class Nested(Model, extra="forbid"):
    inside: list[Open]


def core_schema(form: Any):
    config = None if isinstance(form, type) and issubclass(form, Base) else Base.model_config
    return TypeAdapter(form, config=config).core_schema


@pytest.mark.parametrize(
    "form",
    [Leaf, Tree, str, Integer, Number, list[Number], dict[str, Leaf | str]],
    ids=["leaf", "tree", "text", "integer", "number", "numbers", "union"],
)
def test_a_type_that_looks_at_everything_is_closed(form):
    assert is_closed(core_schema(form))


@pytest.mark.parametrize(
    "form",
    [Open, Holder, Nested, Json, list[Json], float],
    ids=["open", "holder", "nested", "anything", "a list of anything", "float"],
)
def test_a_type_with_room_for_any_number_is_not(form):
    assert not is_closed(core_schema(form))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize(
    "text",
    [
        '{"type":"leaf","size":%s}',
        '{"type":%s,"size":1}',
        '{"type":"leaf","size":1,"count":%s}',
        '{"type":"leaf","size":1,"more":%s}',
        '{"type":"leaf","size":1,"more":[{"x":%s}]}',
    ],
)
def test_what_is_closed_refuses_them_by_itself(text, number):
    with pytest.raises(ValidationError):
        TypeAdapter(Leaf).validator.validate_json((text % number).encode())
