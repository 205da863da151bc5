"""A call of a function is held to the function's own parameters."""

import pytest

from scaffold.contract import HookError, InvalidInput
from scaffold.contract._hooks.function_catalog import FunctionCatalog
from scaffold.kinds.tool_v1.plugin import EXECUTE

ADD = {
    "name": "add",
    "description": "Add two integers.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}


def test_arguments_that_fit_the_parameters_pass():
    FunctionCatalog([ADD]).check(EXECUTE, {"function": "add", "args": {"a": 1, "b": 2}})


def test_problems_point_into_the_arguments():
    with pytest.raises(InvalidInput) as refused:
        FunctionCatalog([ADD]).check(EXECUTE, {"function": "add", "args": {"a": "x"}})
    assert [(p.path, p.rule) for p in refused.value.problems] == [
        ("/args", "required"),
        ("/args/a", "type"),
    ]


def test_an_unknown_function_is_refused_with_what_there_is():
    with pytest.raises(HookError, match="no function 'sub'; it offers: add") as refused:
        FunctionCatalog([ADD]).check(EXECUTE, {"function": "sub", "args": {}})
    assert refused.value.code == "unknown_function"
