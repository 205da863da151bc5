"""Any schema, any instance: the generated boundary and the exact validator agree."""

import json
from itertools import count

import jsonschema_rs
import pytest
from boundary import generate, passes, write_spec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schema_strategies import VALUES, documents

from scaffold.generator import SpecError

NUMBERS = count()


@pytest.mark.ci
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[*HealthCheck],
)
@given(
    schemas=st.lists(documents(), min_size=8, max_size=8),
    values=st.lists(VALUES, min_size=30, max_size=30),
)
def test_the_boundary_agrees_with_the_validator(tmp_path_factory, schemas, values):
    folder, name = tmp_path_factory.getbasetemp(), f"drawn_{next(NUMBERS)}"
    hooks = {f"hook_{number}": schema for number, schema in enumerate(schemas)}
    kind = generate(write_spec(folder / "specs" / name, name, hooks), folder / "drawn")
    for hook, schema in hooks.items():
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=False)
        for value in values:
            expected = validator.is_valid(value)
            text = json.dumps(value)
            assert passes(kind.hooks[hook].input, text) is expected, (schema, value)


TEXTS = st.text(max_size=60) | st.sampled_from(
    ['"""', "\\", "{{ x }}", "{% end", "'", "\n\n", "#", "\\N{DASH}", "\u2028", "\ud800", "\x00"]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[*HealthCheck])
@given(texts=st.lists(TEXTS, min_size=9, max_size=9), property_name=TEXTS)
def test_text_in_a_free_field_never_breaks_generation(tmp_path_factory, texts, property_name):
    name = f"worded_{next(NUMBERS)}"
    schema = {
        "title": texts[0],
        "description": texts[1],
        "$comment": texts[2],
        "type": "object",
        "properties": {
            property_name: {"description": texts[3], "type": "string", "default": texts[4]},
            "choice": {"enum": [texts[5], "other"], "title": texts[0]},
        },
        "examples": [texts[6]],
    }
    spec = {
        "kind": name,
        "kind_api_version": "1.0.0",
        "description": texts[7],
        "hooks": [
            {
                "name": "say",
                "dispatch": "singleton",
                "description": texts[8],
                "deprecated": texts[1],
                "errors": [{"code": "refused", "description": texts[2]}],
                "input_schema": schema,
                "output_schema": schema,
            }
        ],
    }
    folder = tmp_path_factory.getbasetemp() / "specs" / name
    folder.mkdir(parents=True)
    path = folder / "v1.yaml"
    path.write_text(json.dumps(spec), encoding="utf-8")
    try:
        kind = generate(path, tmp_path_factory.getbasetemp() / "worded")
    except SpecError as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        assert {one.code for one in refused.diagnostics} <= {"half-character", "malformed-yaml"}
        return
    assert passes(kind.hooks["say"].input, json.dumps({property_name: texts[5]}))
    assert passes(kind.hooks["say"].input, json.dumps({"choice": texts[5]}))
