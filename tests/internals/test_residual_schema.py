"""Who enforces what: a type and the residual of its schema accept what the schema accepts.

Looks inside: A check that is left out or done twice gives the same value; only the private codec
tells.
"""

import json
from itertools import count

import pytest
from boundary import generate, write_spec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from schema_strategies import VALUES, documents
from suite import REMOTES, required

from scaffold.contract._payload.partial_decoder import partial_type
from scaffold.contract._validation.validator import CompiledSchema
from scaffold.generator import compile_kind
from scaffold.generator._schema.types.enforcement import report_enforcement

REQUIRED = required()
NUMBERS = count()


def disagreements(folder, name, schemas, instances, remotes=None):
    """Yield schemas and instances on which type and residual together differ from the schema."""
    spec = write_spec(folder / "specs" / name, name, schemas, remotes=remotes)
    kind = generate(spec, folder / "made")
    for hook, description in kind.contract["hooks"].items():
        payload, told = kind.hooks[hook].input, description["input"]
        whole = CompiledSchema(told["schema"])
        residual = told.get("residual", told["schema"] if told["exact"] else True)
        rest, seen = (
            CompiledSchema(residual),
            CompiledSchema(residual).judge(partial_type(residual)),
        )
        for instance in instances(hook):
            text = json.dumps(instance).encode()
            typed = is_typed(payload, text)
            expected = whole.accepts(instance)
            if (typed and rest.accepts(instance)) is not expected:
                yield schemas[hook], instance
            if typed and seen(text) is not expected:
                yield schemas[hook], instance, "as far as it is seen"


def is_typed(payload, text):
    if payload.python_type is None:
        return text == b"{}"
    try:
        payload._typed.read(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("keyword", REQUIRED)
def test_type_and_residual_accept_what_the_schema_accepts(tmp_path, keyword):
    groups = {group.hook: group for group in REQUIRED[keyword]}
    cases = [json.loads(case.text) for group in groups.values() for case in group.cases]
    name = "ledger_" + "".join(letter for letter in keyword.lower() if letter.isalnum())
    remotes = {"http://localhost:1234/": REMOTES}
    schemas = {hook: group.schema for hook, group in groups.items()}
    assert list(disagreements(tmp_path, name, schemas, lambda _hook: cases, remotes)) == []


@pytest.mark.ci
@settings(max_examples=10, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    schemas=st.lists(documents(), min_size=8, max_size=8),
    values=st.lists(VALUES, min_size=40, max_size=40),
)
def test_they_do_so_for_any_schema(tmp_path_factory, schemas, values):
    name = f"any_ledger_{next(NUMBERS)}"
    hooks = {f"hook_{number}": schema for number, schema in enumerate(schemas)}
    found = disagreements(tmp_path_factory.getbasetemp(), name, hooks, lambda _hook: values)
    assert list(found) == []


@pytest.mark.parametrize("keyword", REQUIRED)
def test_the_ledger_has_every_keyword_that_counts_once(tmp_path, keyword):
    schemas = {group.hook: group.schema for group in REQUIRED[keyword]}
    name = "told_" + "".join(letter for letter in keyword.lower() if letter.isalnum())
    remotes = {"http://localhost:1234/": REMOTES}
    for hook in compile_kind(write_spec(tmp_path, name, schemas, remotes=remotes)).hooks:
        payload = hook.input
        told = report_enforcement(payload)
        assert {*told.model}.isdisjoint({*told.schema, *told.not_enforced})
        assert {*payload.left} - {""} <= {*told.schema}
        assert payload.exact or told.schema == ()
        for place in (*told.model, *told.schema, *told.not_enforced, *payload.left):
            assert part(payload.schema, place) is not MISSING, place


MISSING = object()


def part(value, pointer):
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value.get(name, MISSING)
        if value is MISSING:
            break
    return value
