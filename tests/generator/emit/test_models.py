"""Generated payloads agree with their schemas: the valid pass unchanged, the others do not."""

import copy
import json
import sys
from dataclasses import replace
from importlib import import_module

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from scaffold.contract import InvalidInput, InvalidOutput
from scaffold.generator import compile_kind
from scaffold.generator._emit.write_json import examples
from scaffold.generator._source.json_values import canonical

POOL = [
    None,
    True,
    0,
    1,
    1.0,
    -1,
    5,
    2.5,
    1e300,
    2**70,
    "",
    "a",
    "red",
    "circle",
    "ab" * 20,
    [],
    {},
]
POOL += [["a"], [1], [[]], {"a": 1}, {"value": 1}, {"class": "square", "side": 1}, {"x": 0}]


@pytest.fixture
def payloads(hookspec, project, monkeypatch):
    """Each payload of a kind, as the bindings see it, and values to start from."""
    monkeypatch.syspath_prepend(str(project))
    kind = compile_kind(hookspec)
    package = import_module(f"{hookspec.parent.name}._generated.{kind.name}_v{kind.major}")
    hooks = getattr(
        package, f"{package.__name__.rsplit('.', 1)[1]}".rsplit("_v", 1)[0].upper()
    ).hooks
    found = []
    for hook in kind.hooks:
        for plain, typed in (
            (hook.input, hooks[hook.name].input),
            (hook.output, hooks[hook.name].output),
        ):
            if plain.type is not None:
                found.append((plain, typed, starts(plain)))
    yield found
    for name in [name for name in sys.modules if name.startswith(f"{hookspec.parent.name}.")]:
        del sys.modules[name]


def starts(payload):
    """A sample of a payload, and the same with every property it may have."""
    whole = {**payload.schema, "required": list(payload.schema.get("properties", {}))}
    return [*examples(payload), *examples(replace(payload, schema=whole))] or [{}]


@st.composite
def mutations(draw, values):
    """A value with a few of its parts changed, taken away or added."""
    value = copy.deepcopy(draw(st.sampled_from(values)))
    for _ in range(draw(st.integers(0, 3))):
        part = value
        while isinstance(part, dict | list) and part:
            key = draw(
                st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part)))
            )
            if draw(st.booleans()) and isinstance(part[key], dict | list):
                part = part[key]
                continue
            if draw(st.integers(0, 3)):
                part[key] = copy.deepcopy(draw(st.sampled_from(POOL)))
            else:
                del part[key]
            break
        if isinstance(part, dict) and not draw(st.integers(0, 5)):
            part["extra"] = copy.deepcopy(draw(st.sampled_from(POOL)))
    return value


def test_a_payload_passes_if_and_only_if_it_is_valid_and_unchanged(payloads):
    for plain, typed, values in payloads:
        check(plain, typed, values)


def check(plain, typed, values):
    validator = Draft202012Validator(plain.schema)

    @settings(
        max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(mutations(values))
    def agrees(value):
        text = json.dumps(value)
        if validator.is_valid(value):
            assert canonical(json.loads(typed.dump(typed.load(text)))) == canonical(value)
        else:
            with pytest.raises((InvalidInput, InvalidOutput)):
                typed.load(text)

    agrees()


def test_an_absent_property_reads_as_its_default_and_is_not_written(project, monkeypatch):
    monkeypatch.syspath_prepend(str(project))
    models = import_module("every_type._generated.every_type_v1.models")
    sample = examples(compile_kind_of("every_type").hooks[0].input)[0]
    read = models.TryAllInput.model_validate_json(json.dumps(sample))
    assert (read.greeting, read.names, read.limits) == ("hello", ["Ann", "Bob"], {"low": 0.5})
    assert read.place is None
    assert json.loads(read.model_dump_json(exclude_unset=True)) == sample
    read.names.append("Cid")
    assert models.TryAllInput.model_validate_json(json.dumps(sample)).names == ["Ann", "Bob"]


def compile_kind_of(name):
    from emitted_files import ROOT

    return compile_kind(ROOT / "tests" / "generator" / "golden" / name / "v1.yaml")
