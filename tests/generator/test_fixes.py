"""Mends are edits of the text: what was wrong changes, and nothing else."""

import copy
import json
import operator
import random
from functools import reduce
from pathlib import Path

import pytest
from specs import write_spec

from scaffold.generator._lint.fix import fix_hookspecs
from scaffold.generator._lint.lint import lint_kind
from scaffold.generator._source.diagnostics import Fix, Insert, Remove, Rename, Replace
from scaffold.generator._source.text_edits import EditedText, apply_fix, find_spans
from scaffold.generator._source.yaml_text import read_yaml

HOOK = """\
  - name: run    # a comment
    dispatch: singleton
    description: Runs.
    input_schema: schemas/root.json
    output_schema: {type: object}
"""


def mended(path, *, unsafe=False):
    """Mend a hookspec in memory; return the texts by name, and the codes of what was mended."""
    fixed = fix_hookspecs([path], unsafe=unsafe)
    texts = {file.name: text for file, text in fixed.texts.items()}
    return texts, [each.code for each in fixed.applied]


def in_root(tmp_path, before, *, unsafe=False, **others):
    """Mend the JSON text of an input; write what comes of it, where a second run does nothing."""
    path = write_spec(tmp_path, HOOK, root=before, **others)
    fixed = fix_hookspecs([path], unsafe=unsafe)
    for file, text in fixed.texts.items():
        file.write_text(text, "utf-8")
    assert fix_hookspecs([path], unsafe=unsafe).texts == {}
    assert [each for each in lint_kind(path) if each.severity == "error"] == []
    return (path.parent / "schemas" / "root.json").read_text("utf-8")


OPEN = '{\n    "type": "object", "title":"é 🚀",\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"properties": {"a": {"type": "strng"}}}', '"properties": {"a": {"type": "string"}}}'),
        ('"properties": {"a": {"type": ["int", "none"]}}}',
         '"properties": {"a": {"type": ["integer", "null"]}}}'),
        ('"required": ["a",  "b", "a"] }', '"required": ["a",  "b"] }'),
        ('"properties": {"a": {"enum": [1, 2, 1.0, 3, 2]}}}',
         '"properties": {"a": {"enum": [1, 2, 3]}}}'),
        ('"properties": {"a": {"items": [true], "additionalItems": {"type": "int"}}}}',
         '"properties": {"a": {"prefixItems": [true], "items": {"type": "integer"}}}}'),
        ('"properties": {"a": {"minimum": 3, "exclusiveMinimum": true}}}',
         '"properties": {"a": {"exclusiveMinimum": 3}}}'),
        ('"properties": {"a": {"exclusiveMaximum": false,\n"maximum": 3}}}',
         '"properties": {"a": {"maximum": 3}}}'),
        ('"dependencies": {"a": ["b"]}}', '"dependentRequired": {"a": ["b"]}}'),
        ('"dependencies": {"a": {"required": ["b"]}}}',
         '"dependentSchemas": {"a": {"required": ["b"]}}}'),
    ],
)  # fmt: skip
def test_what_has_one_meaning_is_mended_in_place(tmp_path, before, after):
    assert in_root(tmp_path, OPEN + before) == OPEN + after


def test_a_definition_is_renamed_with_every_reference_to_it(tmp_path):
    before = """{"type": "object",
      "properties": {"a": {"$ref": "#/definitions/a"},
                     "b": {"$ref": "leaf.json#/definitions/x~1y"}},
      "definitions": {"a": {"type": "string", "definitions": {"c": {}}},
                      "b": {"$ref": "#/definitions/a/definitions/c"}}}"""
    after = before.replace("definitions", "$defs")
    leaf = {"definitions": {"x/y": {"type": "integer"}}}
    assert in_root(tmp_path, before, leaf=leaf) == after
    renamed = json.loads((tmp_path / "demo" / "schemas" / "leaf.json").read_text("utf-8"))
    assert renamed == {"$defs": leaf["definitions"]}


def test_a_property_called_like_a_keyword_is_none(tmp_path):
    before = '{"type": "object", "properties": {"definitions": {"type": "string"}, "id": true}}'
    assert in_root(tmp_path, before) == before


def test_versions_that_share_a_schema_are_mended_together(tmp_path):
    shared = {"definitions": {"a": {"type": "string"}}}
    path = write_spec(tmp_path, HOOK, root={"$ref": "shared.json#/definitions/a"}, shared=shared)
    text = path.read_text("utf-8").replace('"1.0.0"', '"2.0.0"').replace("root", "other")
    (path.parent / "v2.yaml").write_text(text, "utf-8")
    other = path.parent / "schemas" / "other.json"
    other.write_text('{"$ref": "shared.json#/definitions/a"}', "utf-8")
    texts, _ = mended(path)
    assert texts["other.json"] == '{"$ref": "shared.json#/$defs/a"}'


def test_schemas_that_say_draft_7_are_left_as_they_are(tmp_path):
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}
    schema["definitions"] = {"a": {"items": [True]}}
    assert mended(write_spec(tmp_path, HOOK, root=schema)) == ({}, [])


@pytest.mark.parametrize(
    "schema",
    [
        {"$schema": "https://example.org/mine"},
        {"type": "thing"},
        {"items": [True], "prefixItems": [True]},
    ],
)
def test_what_could_mean_two_things_is_left_to_its_author(tmp_path, schema):
    assert mended(write_spec(tmp_path, HOOK, root=schema), unsafe=True) == ({}, [])


def test_the_text_of_a_hookspec_keeps_comments_quotes_and_order(tmp_path):
    path = write_spec(
        tmp_path,
        """\
  # before
  - name: run    # a comment
    dispatch: 'singelton'
    descripton: Runs.
    inputSchema:
      type: objekt   # no type
      required:
        - a
        # the same again
        - a   # gone
      properties:
        a:
          - minimum: 3
            exclusiveMinimum: true
    output_schema: {type: "dict" , required: [a, b, a]}
""".replace("          - minimum: 3\n  ", "          minimum: 3\n"),
    )
    texts, codes = mended(path)
    assert (
        texts["v1.yaml"].partition("hooks:\n")[2]
        == """\
  # before
  - name: run    # a comment
    dispatch: 'singleton'
    description: Runs.
    input_schema:
      type: object   # no type
      required:
        - a
        # the same again
      properties:
        a:
          exclusiveMinimum: 3
    output_schema: {type: "object" , required: [a, b]}
"""
    )
    assert sorted(set(codes)) == ["invalid-schema", "unknown-dispatch", "unknown-key"]


FILES = sorted(
    path
    for folder in (
        "hookspecs",
        "tests/generator/golden",
        "tests/generator/shapes",
        "tests/integration/conformance",
    )
    for path in (Path(__file__).parents[2] / folder).rglob("v*.yaml")
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_part_of_a_file_can_be_edited_alone(tmp_path, path):
    source = read_yaml(path, "v1.yaml")
    text = path.read_text("utf-8")
    parts = [at for at in find_spans(text, is_json=False) if at]
    assert {(), *parts} == set(source.positions.values)
    chance = random.Random(path.parent.name)
    for at in chance.sample(parts, min(len(parts), 12)):
        for edit, make in EDITS:
            wanted = copy.deepcopy(source.value)
            holder = reduce(operator.getitem, at[:-1], wanted)
            if isinstance(holder, dict) or edit in (Remove, Replace):
                change = make(holder, at)
                draft = EditedText.of(text)
                assert apply_fix({"": draft}, Fix((change,))) or edit is Remove
                (tmp_path / "v1.yaml").write_text(draft.result(), "utf-8")
                found = read_yaml(tmp_path / "v1.yaml", "v1.yaml").value
                assert found == (wanted if draft.patches else source.value), change


def _remove(holder, at):
    del holder[at[-1]]
    return Remove("", at)


def _rename(holder, at):
    holder["new-$"] = holder.pop(at[-1])
    return Rename("", at, "new-$")


def _insert(holder, at):
    holder["new"] = "yes"
    return Insert("", at, "new", "yes")


def _replace(holder, at):
    holder[at[-1]] = 'a: "b" # c'
    return Replace("", at, holder[at[-1]])


EDITS = [(Remove, _remove), (Rename, _rename), (Insert, _insert), (Replace, _replace)]


def test_line_endings_stay(tmp_path):
    path = write_spec(tmp_path, HOOK.replace("singleton", "singelton"), root={"type": "object"})
    text = path.read_text("utf-8").replace("\n", "\r\n")
    path.write_bytes(text.encode())
    texts, _ = mended(path)
    assert texts["v1.yaml"] == text.replace("singelton", "singleton")


def test_what_changes_the_values_that_pass_waits_to_be_asked_for(tmp_path):
    schema = '{\n  "properties": {"a": {"type": "string", "minLenght": 3}}\n}\n'
    more = '    mcp_tool_name_template: "{kind}.{plugin}"\n'
    path = write_spec(tmp_path, HOOK + more, root=schema)
    assert mended(path) == ({}, [])
    texts, codes = mended(path, unsafe=True)
    assert texts["root.json"] == (
        '{\n  "type": "object",\n  "properties": {"a": {"type": "string", "minLength": 3}}\n}\n'
    )
    assert '"{kind}_{plugin}"' in texts["v1.yaml"]
    assert sorted(codes) == ["dotted-tool-name", "missing-type", "unknown-keyword"]


@pytest.mark.parametrize("keyword", ["minLenght", "maximun", "additionalproperties", "requierd"])
def test_a_value_that_does_not_fit_the_word_that_is_near_is_no_slip(tmp_path, keyword):
    path = write_spec(tmp_path, HOOK, root={"type": "object", keyword: [[3]]})
    assert mended(path, unsafe=True) == ({}, [])
