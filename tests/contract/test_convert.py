"""Values of a payload's own classes cross a process as they are, unless the schema must look."""

import pytest

from scaffold.contract import InvalidInput
from scaffold.contract._errors.errors import InvalidOutput
from scaffold.contract._hooks.function_catalog import function_call_reader
from scaffold.kinds.source_v1 import ListItemsInput
from scaffold.kinds.source_v1.plugin import LIST_ITEMS
from scaffold.kinds.tool_v1 import ExecuteInput, Function
from scaffold.kinds.tool_v1.plugin import EXECUTE, GET_SCHEMA


@pytest.fixture
def written(monkeypatch):
    """The values that are written as JSON, each with the name of its payload."""
    seen = []

    def watch(payload, name):
        dump = payload.dumper

        def dumper(value):
            seen.append(name)
            return dump(value)

        monkeypatch.setitem(vars(payload), "dumper", dumper)

    watch(LIST_ITEMS.input, "input")
    watch(GET_SCHEMA.output, "functions")
    watch(EXECUTE.input, "call")
    return seen


def test_a_payload_whose_checked_properties_are_unset_is_not_looked_at(written):
    payload = ListItemsInput(query="guide", limit=10)
    assert LIST_ITEMS.input.convert(payload, LIST_ITEMS.input) is payload
    assert written == []


def test_a_payload_whose_checked_properties_are_set_is_validated(written):
    payload = ListItemsInput(types=["file", "page"])
    assert LIST_ITEMS.input.convert(payload, LIST_ITEMS.input) is payload
    assert written == ["input"]
    with pytest.raises(InvalidInput, match="/types"):
        LIST_ITEMS.input.convert(ListItemsInput(types=["file", "file"]), LIST_ITEMS.input)


def test_a_property_that_is_set_later_is_checked_too():
    payload = ListItemsInput()
    payload.types = ["file", "file"]
    with pytest.raises(InvalidInput, match="/types"):
        LIST_ITEMS.input.convert(payload, LIST_ITEMS.input)


def test_a_list_of_models_is_handed_over_as_it_is(written):
    functions = [Function(name="a", description="A", parameters={})]
    assert GET_SCHEMA.output.convert(functions, GET_SCHEMA.output) is functions
    assert GET_SCHEMA.output.convert([], GET_SCHEMA.output) == []
    assert written == []


def test_a_list_with_anything_else_is_validated():
    plain = [{"name": "a", "description": "A", "parameters": {}}]
    with pytest.raises(InvalidOutput):
        GET_SCHEMA.output.convert(plain, GET_SCHEMA.output)


def test_a_function_and_its_arguments_are_read_without_json(written):
    call = ExecuteInput(function="greet", args={"name": "Ada"})
    assert function_call_reader(EXECUTE)(call) == {"function": "greet", "args": {"name": "Ada"}}
    assert written == []
