"""Many payloads of one large description: each reference is followed once for all of them."""

import json

from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.documents.reading import SchemaFiles
from scaffold.generator._schema.documents.references import bundle, check_references
from scaffold.generator._source.source_text import Positions, SourceFile

BASE = "https://hookspec.invalid/"


class Counting(Documents):
    """Documents that count how often a reference is followed."""

    followed = 0

    def target(self, schema, keyword="$ref"):
        self.followed += 1
        return super().target(schema, keyword)


def description(folder, count, **schemas):
    made = {
        f"one_{index}": {"properties": {"next": {"$ref": f"#/components/schemas/two_{index}"}}}
        for index in range(count)
    }
    made |= {f"two_{index}": {"type": "string"} for index in range(count)}
    text = {"openapi": "3.1.0", "info": {}, "components": {"schemas": made | schemas}}
    (folder / "api.json").write_text(json.dumps(text))


def payload(documents, name):
    value = {"$ref": f"api.json#/components/schemas/{name}"}
    return documents.inline(SourceFile("inline", value, lambda: Positions({}, {})), (name,), value)


def cost(folder, count):
    folder.mkdir()
    description(folder, count)
    documents = Counting(SchemaFiles(folder), BASE)
    for index in range(count):
        document = payload(documents, f"one_{index}")
        assert check_references(documents, document) == []
        assert bundle(documents, document)["$defs"]["api"]["$defs"].keys() == {
            f"one_{index}",
            f"two_{index}",
        }
    return documents.followed


def test_the_cost_of_a_payload_does_not_grow_with_the_others(tmp_path):
    assert cost(tmp_path / "many", 80) <= 2 * cost(tmp_path / "few", 40) + 80


def test_a_reference_that_leads_nowhere_is_reported_for_every_payload(tmp_path):
    description(tmp_path, 1, bad={"$ref": "#/components/schemas/missing"})
    documents = Documents(SchemaFiles(tmp_path), BASE)
    for place in ("bad", "bad"):
        (problem,) = check_references(documents, payload(documents, place))
        assert problem.code == "ref-not-found"


def test_a_definition_that_is_true_or_false_is_kept_alone(tmp_path):
    description(tmp_path, 3, all=True, none=False)
    documents = Documents(SchemaFiles(tmp_path), BASE)
    for name, value in (("all", True), ("none", False)):
        document = payload(documents, name)
        assert check_references(documents, document) == []
        assert bundle(documents, document)["$defs"]["api"]["$defs"] == {name: value}
