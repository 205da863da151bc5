"""What hookspecs say, and what becomes of it."""

import dataclasses
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from specs import compile_schema, field_types, write_spec

from scaffold.contract import Kind
from scaffold.generator import SpecError, compile_kind, contract, kind_files, shipped_hookspecs
from scaffold.generator._emit import emit
from scaffold.generator._source.yaml_text import read_yaml
from scaffold.generator.ir import to_json

REFUSALS = Path(__file__).parent / "refusals"
SIMPLE = """\
  - name: run
    dispatch: singleton
    input_schema: {type: object}
    output_schema: {type: string}
"""
HOSTILE = 'quotes " \' """ backslash \\ \\n {{ template }} {% raw %} ${x} `x` <!-- --> \u2028 */ #'


def test_defaults_are_filled_in(tmp_path):
    (hook,) = compile_kind(write_spec(tmp_path, SIMPLE)).hooks
    assert (hook.exposed, hook.tool) == (True, "{kind}_{plugin}_{hook}")
    assert (hook.idempotent, hook.read_only, hook.timeout, hook.content) == (
        False,
        False,
        None,
        False,
    )
    assert (hook.errors, hook.since, hook.deprecated, hook.functions) == ((), None, None, None)


def test_what_a_failure_means_to_a_collect_stands_in_the_contract_and_in_the_bindings(tmp_path):
    collecting = SIMPLE.replace("singleton", "broadcast_collect")
    kind = compile_kind(write_spec(tmp_path, f"{collecting}    error_policy: best_effort\n"))
    assert contract(kind)["hooks"]["run"]["error_policy"] == "best_effort"
    assert Kind.from_contract(contract(kind)).hooks["run"].best_effort
    assert "best_effort=True" in "".join(emit(kind).values())

    usual = compile_kind(write_spec(tmp_path, f"{collecting}    error_policy: fail_fast\n"))
    assert usual.digest == compile_kind(write_spec(tmp_path, collecting)).digest


def test_a_kind_that_stays_in_process_exposes_no_hook(tmp_path):
    path = write_spec(tmp_path, SIMPLE)
    path.write_text(path.read_text() + "constraints: {in_process_only: true}\n")
    kind = compile_kind(path)
    assert kind.in_process_only
    assert not kind.hooks[0].exposed


def test_schemas_that_are_left_out_are_the_empty_object(tmp_path):
    kind = compile_kind(write_spec(tmp_path, "  - {name: tell, dispatch: broadcast_notify}\n"))
    (hook,) = kind.hooks
    assert hook.input.type is None
    assert hook.output.type is None
    assert hook.output.schema == {"type": "object", "additionalProperties": False}


def test_an_unquoted_version_with_three_parts_is_text(tmp_path):
    path = write_spec(tmp_path, SIMPLE)
    path.write_text(path.read_text().replace('"1.0.0"', "1.0.0"))
    assert compile_kind(path).version == "1.0.0"


def test_dates_and_yes_are_text_as_in_json(tmp_path):
    hook = SIMPLE + "    since: 2026-01-31\n    deprecated: yes\n"
    (found,) = compile_kind(write_spec(tmp_path, hook)).hooks
    assert (found.since, found.deprecated) == ("2026-01-31", "yes")


def test_hostile_text_is_kept_as_it_is(tmp_path):
    schema = {"type": "object", "description": HOSTILE, "properties": {HOSTILE: {"const": HOSTILE}}}
    kind = compile_schema(tmp_path, schema)
    assert kind.types[0].description == HOSTILE
    assert list(field_types(kind, "RunInput")) == [HOSTILE]
    assert json.loads(json.dumps(to_json(kind)))


SCALARS = """\
yes: yes
On: "1"
null: ~
012: 1e5
list: [True, FALSE, Null, -0, 1.5, 1.0.0, 12:30, 2026-01-31, 1_000.x, '0x1F', <<, =, a:b]
empty:
text: !!str 5
folded: >-
  one
  two
"""
LIKE_OTHERS = ["1.0.0", "12:30", "2026-01-31", "1_000.x", "0x1F", "<<", "=", "a:b"]


def test_yaml_reads_as_json_would_with_libyaml_and_without(tmp_path, monkeypatch):
    path = tmp_path / "v1.yaml"
    path.write_text(SCALARS, "utf-8")
    fast = read_yaml(path, "v1.yaml")
    assert fast.value == {
        "yes": "yes",
        "On": "1",
        "null": None,
        "012": 1e5,
        "list": [True, False, None, 0, 1.5, *LIKE_OTHERS],
        "empty": None,
        "text": "5",
        "folded": "one two",
    }
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    slow = read_yaml(path, "v1.yaml")
    assert (slow.value, slow.positions) == (fast.value, fast.positions)


@pytest.mark.parametrize("case", sorted(REFUSALS.iterdir()), ids=lambda case: case.name)
def test_what_is_refused_is_refused_in_the_same_words_without_libyaml(case, monkeypatch):
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    monkeypatch.chdir(case)
    with pytest.raises(SpecError) as refusal:
        compile_kind(Path("demo/v1.yaml"))
    assert f"{refusal.value}\n" == Path("stderr.txt").read_text("utf-8")


def test_a_hookspec_may_be_json(tmp_path):
    path = write_spec(tmp_path, SIMPLE)
    yaml_kind = compile_kind(path)
    path.write_text(json.dumps(read_yaml(path, "v1.yaml").value), "utf-8")
    assert compile_kind(path) == yaml_kind
    path.write_text('{"kind": demo, hooks: []}', "utf-8")
    with pytest.raises(SpecError, match="missing-key"):
        compile_kind(path)


def test_a_function_hook_finds_its_catalogue_and_its_properties(tmp_path):
    hooks = """\
  - name: list_all
    dispatch: broadcast_collect
    output_schema: schemas/listing.json
    mcp_exposed: false
  - name: invoke
    dispatch: singleton
    input_schema: schemas/call.json
    output_schema: {}
    mcp_tool_name_template: "{kind}.{plugin}.{hook}.{function}"
"""
    texts = {name: {"type": "string"} for name in ("name", "description")}
    item = {"type": "object", "properties": {**texts, "parameters": {"type": "object"}}}
    call = {
        "type": "object",
        "required": ["tool"],
        "properties": {"tool": {"type": "string"}, "values": {"type": "object"}},
    }
    path = write_spec(tmp_path, hooks, listing={"type": "array", "items": item}, call=call)
    functions = compile_kind(path).hooks[1].functions
    assert functions is not None
    assert dataclasses.astuple(functions) == ("list_all", "tool", "values")


def test_the_digest_ignores_layout_and_minds_the_contract(tmp_path):
    path = write_spec(tmp_path, SIMPLE)
    first = compile_kind(path).digest
    path.write_text("# a remark\n" + path.read_text().replace("type: object", '"type": "object"'))
    assert compile_kind(path).digest == first
    path.write_text(path.read_text().replace('"object"', '"array"'))
    assert compile_kind(path).digest != first


def test_the_digest_is_the_same_from_everywhere(tmp_path, monkeypatch):
    path = write_spec(tmp_path, SIMPLE)
    monkeypatch.chdir(path.parent)
    assert compile_kind(path.relative_to(path.parent)) == compile_kind(path)


def test_the_contract_is_plain_json_and_carries_the_digest(tmp_path):
    kind = compile_kind(write_spec(tmp_path, SIMPLE))
    document = contract(kind)
    assert json.loads(json.dumps(document)) == document
    assert document["digest"] == kind.digest
    assert document["hooks"]["run"]["output"] == {
        "empty": False,
        "object": False,
        "exact": False,
        "schema": {"type": "string"},
    }


def test_the_files_of_a_kind_are_listed(tmp_path):
    kind = write_spec(
        tmp_path,
        SIMPLE.replace("{type: object}", "schemas/a.json"),
        a={"$ref": "b.json"},
        b={"type": "object"},
        unused={},
    )
    files = [str(path) for path in kind_files(kind)]
    assert files == ["v1.yaml", "schemas/a.json", "schemas/b.json"]


def test_the_representation_alone_imports_nothing_heavy():
    code = "import scaffold.generator.ir, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "yaml",
        "jsonschema_rs",
        "pydantic",
        "jinja2",
        "copier",
        "datamodel_code_generator",
    }
    assert heavy.isdisjoint(done.stdout.split())


def test_the_schema_of_the_format_is_one_and_takes_the_shipped_kinds():
    schema = json.loads((shipped_hookspecs() / "hookspec.schema.json").read_text("utf-8"))
    assert Draft202012Validator({"$ref": schema["$schema"]}).is_valid(schema)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
KEYWORDS = """
    type $ref properties items anyOf allOf oneOf enum $id required additionalProperties $defs
    $anchor const default title minimum not
"""
keywords = st.sampled_from(KEYWORDS.split())
schema_values = st.recursive(
    json_values
    | st.sampled_from(["string", "object", "#", "#/$defs/a", "other.json", "//", "a:b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keywords, inner, max_size=4),
    max_leaves=20,
)
bounded = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def compiles_or_says_why(path):
    with suppress(SpecError):
        compile_kind(path)


@pytest.mark.ci
@bounded
@given(json_values | st.dictionaries(st.sampled_from(["kind", "hooks"]), json_values))
def test_any_json_is_a_hookspec_or_refused(tmp_path, value):
    path = tmp_path / "v1.yaml"
    path.write_text(json.dumps(value), "utf-8")
    compiles_or_says_why(path)


@bounded
@given(st.text() | st.binary())
def test_any_text_is_a_hookspec_or_refused(tmp_path, text):
    path = tmp_path / "v1.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    compiles_or_says_why(path)


@bounded
@given(schema_values)
def test_any_json_is_a_schema_or_refused(tmp_path, value):
    path = write_spec(tmp_path, SIMPLE.replace("{type: object}", "schemas/a.json"), a=value)
    compiles_or_says_why(path)


@pytest.mark.parametrize("text", ["{", '{"type": "object", "x": "\ud800"}', "\ufeff{}", ""])
def test_odd_schema_files_are_taken_or_refused(tmp_path, text):
    path = write_spec(tmp_path, SIMPLE.replace("{type: object}", "schemas/a.json"))
    file = path.parent / "schemas" / "a.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    compiles_or_says_why(path)
