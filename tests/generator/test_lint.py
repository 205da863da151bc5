"""Warnings: what is allowed and better avoided."""

import time

import pytest
from specs import write_spec

from scaffold.generator import list_kinds, shipped_hookspecs
from scaffold.generator._lint.lint import lint_kind

HOOK = """\
  - name: run
    description: Runs.
    dispatch: {dispatch}
    input_schema: schemas/input.json
    output_schema: schemas/output.json
"""
TEXT = {"type": "string", "description": "A text."}
OBJECT = {"type": "object", "properties": {"a": TEXT}}


def warnings(tmp_path, more="", dispatch="singleton", **schemas):
    """Return code, line and message of the warnings of one hook."""
    files = {"input": OBJECT, "output": OBJECT} | schemas
    path = write_spec(tmp_path, HOOK.format(dispatch=dispatch) + more, **files)
    path.write_text(path.read_text() + "description: A kind.\n")
    found = lint_kind(path)
    assert all(problem.severity == "warning" for problem in found)
    return [(problem.code, problem.line, problem.message) for problem in found]


SHIPPED = [
    pytest.param(path, id=name)
    for name, versions in sorted(list_kinds([shipped_hookspecs()]).items())
    for path in versions.values()
]


@pytest.mark.parametrize("path", SHIPPED)
def test_shipped_kinds_have_no_findings(path):
    assert lint_kind(path) == []


def test_a_good_hookspec_has_no_findings(tmp_path):
    assert warnings(tmp_path) == []


def test_errors_are_returned_beside_warnings(tmp_path):
    path = write_spec(tmp_path, HOOK.format(dispatch="singelton"))
    found = [(problem.code, problem.severity) for problem in lint_kind(path)]
    assert ("unknown-dispatch", "error") in found
    assert ("missing-description", "warning") in found


def test_missing_descriptions_are_found(tmp_path):
    hooks = "  - {name: run, dispatch: broadcast_notify, errors: [{code: gone}]}\n"
    found = [problem.message for problem in lint_kind(write_spec(tmp_path, hooks))]
    assert found == [
        "the kind 'demo' has no description",
        "the hook 'run' has no description",
        "the error 'gone' has no description",
    ]


def test_a_property_that_a_model_must_guess_is_found(tmp_path):
    schema = {"type": "object", "properties": {"a": TEXT, "b": {"type": "string"}}}
    message = "the property 'b' has no description"
    assert warnings(tmp_path, input=schema) == [("missing-description", 8, message)]
    assert warnings(tmp_path, "    mcp_exposed: false\n", input=schema) == []


def test_dots_in_a_tool_name_are_found(tmp_path):
    (found,) = warnings(tmp_path, '    mcp_tool_name_template: "{kind}.{plugin}"\n')
    assert found[:2] == ("dotted-tool-name", 9)


def test_an_input_that_is_no_object_is_found(tmp_path):
    (found,) = warnings(tmp_path, input={"type": ["object", "null"]})
    assert found == (
        "input-no-object",
        7,
        "the input of 'run' is not always an object, as MCP arguments are",
    )


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ({"type": "string"}, "is of another type than its input"),
        ({"type": "object", "properties": {"b": TEXT}}, "lacks 'a', which its input requires"),
        (
            {"type": "object", "properties": {"a": TEXT, "b": TEXT}},
            "has 'b', which its input does not allow",
        ),
    ],
)
def test_a_chain_that_cannot_go_on_is_found(tmp_path, output, why):
    wanted = {**OBJECT, "required": ["a"], "additionalProperties": False}
    found = warnings(tmp_path, dispatch="chain", input=wanted, output=output)
    assert found == [("broken-chain", 8, f"the output of 'run' {why}")]


def test_a_misspelt_keyword_is_found(tmp_path):
    schema = {"type": "string", "minLenght": 3, "x-order": 1, "note": "free"}
    message = "'minLenght' is not a keyword of JSON Schema, and validators ignore it"
    assert warnings(tmp_path, output=schema) == [("unknown-keyword", 3, message)]


def test_what_a_keyword_of_a_former_draft_is_called_now_is_said(tmp_path):
    schema = {"type": "array", "additionalItems": False, "prefixItems": [TEXT]}
    path = write_spec(tmp_path, HOOK.format(dispatch="singleton"), input=OBJECT, output=schema)
    path.write_text(path.read_text() + "description: A kind.\n")
    (found,) = lint_kind(path)
    assert (found.code, found.hint) == ("unknown-keyword", "did you mean 'items'?")


@pytest.mark.parametrize(
    ("schema", "help_"),
    [
        ({"items": [{}]}, "write 'prefixItems' for a list of schemas, as draft 2020-12 has it"),
        ({"exclusiveMinimum": True}, "write the number here, and leave 'minimum' out"),
        (
            {"properties": {"a": {"required": True}}},
            "list the required properties at the object around them",
        ),
    ],
)
def test_a_keyword_written_as_in_a_former_draft_is_refused_with_its_mend(tmp_path, schema, help_):
    path = write_spec(tmp_path, HOOK.format(dispatch="singleton"), input=OBJECT, output=schema)
    (found,) = (each for each in lint_kind(path) if each.severity == "error")
    assert (found.code, found.hint) == ("invalid-schema", help_)


def test_properties_without_a_type_are_found_but_not_in_a_part_of_a_typed_schema(tmp_path):
    part = {"properties": {"a": TEXT}}
    message = "the schema lists properties, but accepts every value that is not an object"
    assert warnings(tmp_path, output=part) == [("missing-type", 2, message)]
    assert warnings(tmp_path, output={"type": "object", "anyOf": [part, {}]}) == []


def test_a_default_that_breaks_its_schema_is_found(tmp_path):
    schema = {"type": "object", "properties": {"a": {"type": "integer", "default": "1"}}}
    assert warnings(tmp_path, output=schema) == [
        ("invalid-default", 6, "the default does not match its own schema")
    ]


def test_a_folder_of_another_name_is_found(tmp_path):
    path = write_spec(tmp_path, HOOK.format(dispatch="singleton"), input=OBJECT, output=OBJECT)
    path.write_text(path.read_text().replace("kind: demo", "kind: other\ndescription: A kind."))
    assert [problem.code for problem in lint_kind(path)] == ["kind-folder-mismatch"]


@pytest.mark.parametrize(
    "root",
    [
        {"anyOf": [OBJECT, {**OBJECT, "required": ["a"]}]},
        {"allOf": [OBJECT]},
        {"$ref": "#/$defs/Input", "$defs": {"Input": OBJECT}},
        {**OBJECT, "not": {"required": ["b"]}},
    ],
)
def test_an_input_whose_properties_are_not_at_its_root_is_found(tmp_path, root):
    assert [code for code, *_ in warnings(tmp_path, input=root)] == ["input-root"]
    assert warnings(tmp_path, "    mcp_exposed: false\n", input=root) == []
    assert warnings(tmp_path, output=root) == []


def test_a_payload_that_may_be_anything_is_found_unless_that_is_said(tmp_path):
    message = "the output of 'run' may be anything"
    assert warnings(tmp_path, output={}) == [("accepts-anything", 8, message)]
    assert warnings(tmp_path, output={"title": "Answer"}) == [("accepts-anything", 8, message)]
    assert warnings(tmp_path, output=True) == []
    assert warnings(tmp_path, output={"not": {"type": "null"}}) == []


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "string", "enum": [1, 2]}, "none of the fixed values is of the type"),
        ({"type": "string", "allOf": [{"type": "null"}]}, "no type is left"),
        (
            {"type": "string", "minLength": 3, "maxLength": 2},
            "'minLength' is more than 'maxLength'",
        ),
        ({"type": "integer", "minimum": 1, "maximum": 0}, "'minimum' is more than 'maximum'"),
        (
            {"type": "object", "required": ["x"], "additionalProperties": False},
            "'x' is required but is not an allowed property",
        ),
    ],
)
def test_a_schema_that_no_value_fits_is_found(tmp_path, schema, reason):
    ((code, _line, message),) = warnings(tmp_path, output=schema)
    assert (code, message) == ("accepts-nothing", f"no value is valid: {reason}")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "enum": ["a", 1]},
        {"type": ["string", "null"], "minLength": 3, "maxLength": 2},
        {"type": "string", "minLength": 2, "maxLength": 2},
        {"type": "object", "properties": {"a": False}},
    ],
)
def test_a_schema_that_some_value_fits_is_in_order(tmp_path, schema):
    assert warnings(tmp_path, output=schema) == []


def test_properties_that_differ_in_case_or_separators_only_are_found(tmp_path):
    names = {"user_id": TEXT, "name": TEXT, "userId": TEXT, "names": TEXT}
    message = "the properties 'user_id' and 'userId' get the same name in some languages"
    found = warnings(tmp_path, output={"type": "object", "properties": names})
    assert [(code, text) for code, _line, text in found] == [("twin-properties", message)]


def test_a_hook_for_several_plugins_in_a_kind_of_one_is_found(tmp_path):
    more = "constraints: {singleton_per_runtime: true}\n"
    message = "'run' is for several plugins, but a host loads one plugin of this kind"
    found = warnings(tmp_path, more, dispatch="chain")
    assert found == [("lonely-dispatch", 6, message)]
    assert warnings(tmp_path, more) == []
    assert warnings(tmp_path, dispatch="chain") == []


def test_keywords_of_former_drafts_are_found(tmp_path):
    old = {**OBJECT, "definitions": {"a": TEXT}, "dependencies": {"a": ["b"]}}
    assert [found[0] for found in warnings(tmp_path, output=old)] == ["former-keyword"] * 2
    assert (
        warnings(tmp_path, output={"$schema": "http://json-schema.org/draft-07/schema#", **old})
        == []
    )


def test_fixed_values_that_are_one_somewhere_are_found(tmp_path):
    values = {"type": "string", "enum": ["in-transit", "IN_TRANSIT", "<", ">", "new", "new"]}
    found = warnings(tmp_path, output={"type": "object", "properties": {"a": values}})
    assert [(code, message) for code, _, message in found] == [
        (
            "twin-values",
            "the values 'in-transit' and 'IN_TRANSIT' get the same name in some languages",
        ),
        ("repeated-value", "the list has this value already"),
    ]


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": list(range(1_001))},
        {"oneOf": [{"const": number} for number in range(251)]},
        {"enum": [{"a": 1}, {"a": 2}]},
    ],
)
def test_what_no_language_has_a_type_for_is_found(tmp_path, schema):
    found = warnings(tmp_path, output={"type": "object", "properties": {"a": schema}})
    assert [code for code, _, _ in found] == ["untypable"]


def test_a_property_that_is_required_and_not_described_is_found(tmp_path):
    schema = {"type": "object", "required": ["title"], "properties": {"titel": TEXT}}
    ((code, _, message),) = warnings(tmp_path, output=schema)
    assert (code, message) == (
        "undescribed-property",
        "'title' is required but not described",
    )
    elsewhere = {"type": "object", "required": ["a"], "allOf": [{"properties": {"a": TEXT}}]}
    assert warnings(tmp_path, output=elsewhere) == []


@pytest.mark.parametrize("name", ["path", "fileName", "content_type", "uri", "lang", "mediaType"])
def test_a_capability_hook_whose_input_tells_no_plugin_from_another_is_found(tmp_path, name):
    assert [code for code, _, _ in warnings(tmp_path, dispatch="capability")] == ["capability-tie"]
    telling = {"type": "object", "properties": {name: TEXT}}
    assert warnings(tmp_path, dispatch="capability", input=telling) == []


def test_a_warning_is_silenced_with_a_reason(tmp_path):
    twins = {"type": "object", "properties": {"a_b": TEXT, "aB": TEXT}}
    assert [code for code, _, _ in warnings(tmp_path, output=twins)] == ["twin-properties"]
    for place in ("", ", in: schemas/output.json", ", in: schemas/"):
        more = f"silence: [{{code: twin-properties, because: No Go here.{place}}}]\n"
        assert warnings(tmp_path, more, output=twins) == []
    more = "silence: [{code: twin-properties, in: schemas/input.json, because: No Go here.}]\n"
    found = warnings(tmp_path, more, output=twins)
    assert [code for code, _, _ in found] == ["twin-properties", "idle-silence"]


def test_silence_without_a_reason_is_refused(tmp_path):
    path = write_spec(tmp_path, HOOK.format(dispatch="singleton"), input=OBJECT, output=OBJECT)
    path.write_text(path.read_text() + "silence: [{code: broken-chain}]\n")
    errors = [each for each in lint_kind(path) if each.severity == "error"]
    assert [str(problem).split(": ", 1)[1] for problem in errors] == [
        "missing-key: 'silence[0]' lacks the key 'because'\n  help: say why: 'because: …'"
    ]


@pytest.mark.parametrize("name", ["$filter", "名前", "start<", "a" * 65, ""])
def test_arguments_that_services_of_models_refuse_are_found(tmp_path, name):
    inner = {"type": "object", "description": "Deep.", "properties": {name: TEXT}}
    for schema in (OBJECT, {"type": "object", "properties": {"a": inner}}):
        assert warnings(tmp_path, input=schema) == []
    ((code, _, message),) = warnings(tmp_path, input={"type": "object", "properties": {name: TEXT}})
    assert (code, f"'{name}'" in message) == ("input-property-name", True)
    assert warnings(tmp_path, "    mcp_exposed: false\n", input=inner) == []


def test_warnings_are_told_next_to_errors(tmp_path):
    hooks = """\
  - {name: run, dispatch: singleton, input_schema: schemas/bad.json, output_schema: {}}
  - {name: walk, dispatch: broadcast_notify, input_schema: schemas/good.json}
"""
    bad = {"properties": {"a": {"pattern": "("}, "b": {"$ref": "#/$defs/B"}}}
    good = {"type": "object", "properties": {"a": {"type": "string", "default": 1}}}
    found = lint_kind(write_spec(tmp_path, hooks, bad=bad, good=good))
    assert {each.code for each in found if each.severity == "error"} == {
        "invalid-schema",
        "ref-not-found",
    }
    warned = {each.code for each in found if each.severity == "warning"}
    assert {"invalid-default", "missing-description"} <= warned


def test_a_reference_to_oneself_through_all_of_is_a_cycle(tmp_path):
    schema = {"type": "object", "$defs": {"A": {"allOf": [{"$ref": "#/$defs/A"}]}}}
    hook = "  - {name: run, dispatch: broadcast_notify, input_schema: schemas/root.json}\n"
    found = lint_kind(write_spec(tmp_path, hook, root=schema))
    assert [each.code for each in found if each.severity == "error"] == ["ref-cycle"]


def test_findings_are_bounded_and_take_linear_time(tmp_path):
    hook = "  - {name: run, dispatch: broadcast_notify, input_schema: schemas/root.json}\n"

    def spent(count):
        path = write_spec(tmp_path, hook, root={f"wrod{index}": 1 for index in range(count)})
        keys = "".join(f"unknown_{index}: 1\n" for index in range(count))
        path.write_text(path.read_text("utf-8") + keys, "utf-8")
        start = time.process_time()
        found = lint_kind(path)
        assert found[-1].message == f"a hookspec has {count - 100} more unknown keys"
        assert len(found) < 300
        return time.process_time() - start

    spent(200)  # what is imported once
    few, many = spent(2_000), spent(20_000)
    assert many < 30 * few + 1


def test_required_properties_take_linear_time(tmp_path):
    hook = "  - {name: run, dispatch: broadcast_notify, input_schema: schemas/root.json}\n"

    def spent(count):
        required = [f"property_{index}" for index in range(count)]
        path = write_spec(tmp_path, hook, root={"type": "object", "required": required})
        start = time.process_time()
        assert {each.code for each in lint_kind(path)} >= {"undescribed-property"}
        return time.process_time() - start

    spent(100)
    few, many = spent(2_000), spent(30_000)
    assert many < 45 * few + 1


def test_branches_of_all_of_take_linear_time(tmp_path):
    hook = "  - {name: run, dispatch: broadcast_notify, input_schema: schemas/root.json}\n"

    def spent(count):
        branches = [{"properties": {f"p{index}": {"type": "string"}}} for index in range(count)]
        path = write_spec(tmp_path, hook, root={"type": "object", "allOf": branches})
        start = time.process_time()
        assert {each.code for each in lint_kind(path)} >= {"missing-description"}
        return time.process_time() - start

    spent(100)
    few, many = spent(300), spent(6_000)
    assert many < 60 * few + 1
