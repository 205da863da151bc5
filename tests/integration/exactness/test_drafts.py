"""Schemas of every draft are read as what they say they are: held to an independent validator."""

import json

import jsonschema
import pytest
from boundary import generate, passes, write_spec
from published import names, published, values

from scaffold.generator._source.diagnostics import SpecError

MANY = 60
"""Values that each schema is tried with."""

ELSEWHERE = {
    "aio-connector-metadata-9.0-preview",
    "jsbeautifyrc-nested",
    "podman-desktop-extension",
    "tsbuild",
}
"""What refers to schemas of other hosts, which are not in the store."""

ACCEPT_ALL = {"licenses.1"}
"""What holds nothing but definitions."""

FEW = ("aiproj-1.4", "babelrc", "host-meta", "partial-scikit-build", "prettierrc-2.8.8", "pgrls")


def agree(schema, tried, folder, kind="published"):
    """Hold the boundary to the validator of the schema's own draft; return what both said."""
    made = generate(write_spec(folder / "spec", kind, {"echo": schema}), folder / "made")
    judge = jsonschema.validators.validator_for(schema)(schema)
    said = [judge.is_valid(value) for value in tried]
    for value, expected in zip(tried, said, strict=True):
        assert passes(made.hooks["echo"].input, json.dumps(value)) is expected, value
    return said


def check(name, folder):
    schema = json.loads(published(name))
    tried = values(schema, MANY)
    assert len(tried) >= MANY - 10
    kind = "p_" + "".join(letter if letter.isalnum() else "_" for letter in name.lower())
    said = agree(schema, tried, folder, kind.strip("_"))
    assert name in ACCEPT_ALL or False in said


@pytest.mark.parametrize("name", FEW)
def test_a_published_schema_means_what_an_independent_validator_says(name, tmp_path):
    check(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in names() if name not in ELSEWHERE])
def test_all_published_schemas_mean_what_an_independent_validator_says(name, tmp_path):
    check(name, tmp_path)


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_a_schema_that_needs_another_host_is_refused_with_what_to_write(name, tmp_path):
    spec = write_spec(tmp_path / "spec", "published", {"echo": json.loads(published(name))})
    with pytest.raises(SpecError) as refusal:
        generate(spec, tmp_path / "made")
    assert {problem.code for problem in refusal.value.diagnostics} == {"remote-ref"}
    assert all("remotes: {http" in problem.hint for problem in refusal.value.diagnostics)


def draft(name, **schema):
    """Write a schema of a draft: its number, or `2019-09`."""
    site = "http://json-schema.org/draft-0" if len(name) == 1 else "https://json-schema.org/draft/"
    return {"$schema": f"{site}{name}/schema{'#' if len(name) == 1 else ''}", **schema}


TEXT = {"type": "string"}
FAMILIES = {
    "definitions by their later name": draft(
        "7", **{"$defs": {"S": {"items": [TEXT]}}}, properties={"a": {"$ref": "#/$defs/S"}}
    ),
    "a definition of each name": draft(
        "7",
        **{"$defs": {"S": TEXT}},
        definitions={"S": {"type": "integer"}},
        properties={"a": {"$ref": "#/$defs/S"}, "b": {"$ref": "#/definitions/S"}},
    ),
    "a list of items": draft(
        "6",
        properties={
            "a": {"items": [TEXT], "additionalItems": {"type": "integer"}},
            "b": {"$ref": "#/properties/a/items/0"},
            "c": {"$ref": "#/properties/a/additionalItems"},
        },
    ),
    "dependencies": draft(
        "4",
        dependencies={"a": {"required": ["b"]}, "c": ["b"]},
        properties={"d": {"$ref": "#/dependencies/a"}},
    ),
    "bounds that another keyword makes exclusive": draft(
        "4",
        properties={"a": {"minimum": 3, "exclusiveMinimum": True, "maximum": 9}},
        additionalProperties={"exclusiveMaximum": False, "maximum": 3},
    ),
    "identifiers of draft 4": draft(
        "4",
        id="http://example.org/root.json",
        definitions={"A": {"id": "folder/a.json", "definitions": {"B": {"id": "b.json", **TEXT}}}},
        properties={
            "a": {"$ref": "folder/b.json"},
            "b": {"$ref": "folder/a.json#/definitions/B"},
            "id": {"type": "integer"},
        },
    ),
    "anchors that are identifiers": draft(
        "7",
        definitions={"A": {"$id": "#one", **TEXT}, "B": {"$id": "#1:b", "type": "integer"}},
        properties={"a": {"$ref": "#one"}, "b": {"$ref": "#1:b"}},
    ),
    "an identifier that is a pointer": draft(
        "7",
        definitions={"A": {"$id": "#/definitions/A", **TEXT}},
        properties={"a": {"$ref": "#/definitions/A"}},
    ),
    "neighbours of a reference": draft(
        "7",
        definitions={"A": TEXT, "B": {"$ref": "#/definitions/A", "maxLength": 1}},
        properties={"a": {"$ref": "#/definitions/B", "type": "integer"}},
    ),
    "parts below unknown keywords": draft(
        "7",
        **{"x-parts": {"S": {"$ref": "#/x-parts/T", "maxLength": 1}, "T": {"items": [TEXT]}}},
        properties={"a": {"$ref": "#/x-parts/S"}},
    ),
    "escapes in pointers": draft(
        "7",
        definitions={"a/b~c %": {"items": [TEXT]}, "0": {"type": "integer"}, "": {"type": "null"}},
        properties={
            "a": {"$ref": "#/definitions/a~1b~0c%20%25/items/0"},
            "b": {"$ref": "#/definitions/0"},
            "c": {"$ref": "#/definitions/"},
        },
    ),
    "keywords of later drafts": draft(
        "4",
        const=1,
        contains={"type": "null"},
        propertyNames={"maxLength": 0},
        **{"if": {}, "then": {"not": {}}},
        prefixItems=[TEXT],
        dependentRequired={"a": ["b"]},
        unevaluatedProperties={"not": {}},
    ),
    "a recursion that others may join": draft(
        "2019-09",
        **{"$id": "http://example.org/tree", "$recursiveAnchor": True},
        type="object",
        properties={"a": {"$recursiveRef": "#"}, "b": {"type": "integer"}},
        unevaluatedProperties=False,
    ),
    "a recursion of its own": draft(
        "2019-09",
        properties={"a": {"$recursiveRef": "#"}, "b": {"type": "integer"}},
        additionalProperties=False,
    ),
    "items that contains has found": draft(
        "2019-09", properties={"a": {"contains": TEXT, "unevaluatedItems": {"type": "integer"}}}
    ),
    "items of 2019-09": draft(
        "2019-09",
        properties={
            "a": {"items": [TEXT], "additionalItems": False},
            "b": {"items": TEXT, "additionalItems": False},
            "c": {"items": [TEXT], "unevaluatedItems": False},
        },
    ),
    "booleans": draft("6", properties={"a": True, "b": False}, additionalProperties=False),
    "a dialect inside another": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"A": draft("7", **{"$id": "http://example.org/a", "items": [TEXT]})},
        "properties": {"a": {"$ref": "http://example.org/a"}},
    },
    "a condition that ends a recursion": draft(
        "7",
        type="object",
        properties={"a": {"type": "integer"}},
        **{"if": {"required": ["x"]}, "then": {"dependencies": {"y": {"$ref": "#"}}}},
    ),
}
PARTS = (None, True, 1, 3, 9, 10, "x", "long", [], [1], ["x"], ["x", 1], ["x", "x"], [1, "x"], {})
TRIED = [
    *PARTS,
    *({key: part} for key in ("a", "b", "c", "d", "id") for part in PARTS),
    *({"a": "x", "b": part} for part in PARTS),
    *({"a": {"a": {"b": part}}} for part in PARTS),
    {"c": 1, "b": 1},
    {"x": 1, "a": "x"},
]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_draft_is_read_as_what_it_says_it_is(family, tmp_path):
    kind = "".join(letter for letter in family.lower() if letter.isalnum())
    said = agree(FAMILIES[family], TRIED, tmp_path, kind)
    assert True in said
