"""Schemas that would be the end of a generator: one clear error, or a limit that holds."""

import json
import socket
import time
from itertools import pairwise

import pytest
from boundary import generate, passes, write_spec
from busy import quiet_seconds_since

from scaffold.generator import SpecError, compile_kind
from scaffold.generator._emit import emit

SECONDS = 20
"""What the worst of these may take on a busy machine; alone it takes a tenth."""


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        pytest.fail("something was fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def made(tmp_path, request):
    def make(schema):
        name = "bad_" + str(abs(hash(request.node.name)))
        start = time.monotonic()
        kind = generate(write_spec(tmp_path / "spec", name, {"echo": schema}), tmp_path / "made")
        assert quiet_seconds_since(start) < SECONDS
        return kind.hooks["echo"].input

    return make


def refusal(folder, schema):
    start = time.monotonic()
    with pytest.raises(SpecError) as refused:
        compile_kind(write_spec(folder, "bad", {"echo": schema}))
    assert quiet_seconds_since(start) < SECONDS
    return [(one.code, one.message) for one in refused.value.diagnostics]


def nested(levels, around):
    schema = {"type": "string"}
    for _ in range(levels):
        schema = around(schema)
    return schema


def chained(steps, link):
    """Definitions that each refer to the next one."""
    names = [f"d{number}" for number in range(steps + 1)]
    links = {one: link({"$ref": f"#/$defs/{next_}"}) for one, next_ in pairwise(names)}
    return {"$ref": "#/$defs/d0", "$defs": {**links, names[-1]: {"type": "string"}}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "text"},
        {"minimum": "1"},
        {"properties": []},
        {"required": ["a", "a"]},
        {"pattern": "("},
        {"pattern": "((a{1000}){1000}){1000}"},
        {"$ref": 1},
        {"items": [{}]},
        {"additionalProperties": {"type": "any"}},
    ],
)
def test_what_is_no_schema_is_refused_at_once(tmp_path, schema):
    ((code, _),) = refusal(tmp_path, schema)
    assert code == "invalid-schema"


@pytest.mark.parametrize(
    "reference",
    [
        "http://127.0.0.1:9/schema.json",
        "https://json-schema.org/draft/2019-09/schema",
        "//127.0.0.1/schema.json",
        "ftp://example.com/a.json",
        "urn:uuid:00000000-0000-0000-0000-000000000000",
        "file:///etc/hostname",
    ],
)
def test_a_reference_to_elsewhere_is_refused_and_never_fetched(tmp_path, no_network, reference):
    ((code, message),) = refusal(tmp_path, {"properties": {"a": {"$ref": reference}}})
    assert code == "remote-ref"
    assert reference in message


def test_a_dialect_from_elsewhere_is_refused_and_never_fetched(tmp_path, no_network):
    ((code, _),) = refusal(tmp_path, {"$schema": "http://127.0.0.1:9/dialect"})
    assert code == "schema-dialect"


@pytest.mark.parametrize("levels", [130, 10_000])
def test_deep_nesting_is_refused(tmp_path, levels):
    text = '{"allOf":[' * levels + "{}" + "]}" * levels
    path = write_spec(tmp_path, "bad", {"echo": {}})
    (tmp_path / "schemas" / "echo.json").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as refused:
        compile_kind(path)
    (problem,) = refused.value.diagnostics
    assert problem.code == "too-deep"


def test_sixty_levels_are_nothing_special(made):
    guard = made(nested(60, lambda inner: {"properties": {"a": inner}}))
    text = '{"a":' * 60 + '"end"' + "}" * 60
    assert passes(guard, text)
    assert not passes(guard, text.replace('"end"', "1"))


def test_ten_thousand_references_in_a_row_are_refused(tmp_path):
    ((code, _),) = refusal(tmp_path, chained(10_000, lambda ref: ref))
    assert code == "too-deep"


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_references_that_double_at_every_step_are_looked_at_once(tmp_path, keyword):
    schema = chained(60, lambda ref: {keyword: [ref, ref]})
    start = time.monotonic()
    emit(compile_kind(write_spec(tmp_path, "doubling", {"echo": schema})))
    assert quiet_seconds_since(start) < SECONDS


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_references_that_double_mean_what_they_say(made, keyword):
    guard = made(chained(6, lambda ref: {keyword: [ref, ref]}))
    assert passes(guard, '"end"') is (keyword != "oneOf")
    assert not passes(guard, "1")


@pytest.mark.ci
def test_an_enum_of_ten_megabytes_is_enforced(made):
    values = [f"value {number:08d} {'x' * 80}" for number in range(100_000)]
    guard = made({"enum": values})
    assert passes(guard, json.dumps(values[77_777]))
    assert not passes(guard, '"value"')


def test_a_union_of_a_thousand_is_enforced(made):
    members = [
        {
            "type": "object",
            "required": [f"p{number}"],
            "properties": {f"p{number}": {"type": "null"}},
        }
        for number in range(1000)
    ]
    guard = made({"anyOf": members})
    assert passes(guard, '{"p999":null}')
    assert not passes(guard, '{"p1000":null}')


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"minimum": 10**400}, str(10**401), "1"),
        ({"maxLength": 10**30}, '"a"', None),
        ({"type": "integer", "maximum": -(10**400)}, str(-(10**401)), "1"),
        ({"const": 1e308}, "1e308", "1e307"),
        ({"description": "word " * 100_000, "type": "string"}, '"a"', "1"),
        ({"properties": {"k" * 10_000: {"type": "null"}}}, "{}", None),
    ],
)
def test_sizes_that_nobody_expects_are_kept_to(made, schema, good, bad):
    guard = made(schema)
    assert passes(guard, good)
    assert bad is None or not passes(guard, bad)
