"""Annotations for readers: found on a schema, or on the schemas that it refers to."""

from scaffold.generator._hookspec.naming import pascal_case
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._source.json_values import is_object
from scaffold.generator.ir import Json

_LEADS = frozenset({"$ref", "allOf"})


def find_annotations(documents: Documents, schemas: tuple[Json, ...], keyword: str) -> list[Json]:
    """List the values of an annotation, the nearest first: on the schema, then on its target."""
    if len(schemas) == 1 and is_object(schemas[0]) and _LEADS.isdisjoint(schemas[0]):
        return [schemas[0][keyword]] if keyword in schemas[0] else []
    found: list[Json] = []
    pending = list(reversed(schemas))
    while pending:
        schema = pending.pop()
        if not is_object(schema):
            continue
        if keyword in schema:
            found.append(schema[keyword])
        alone = schema.get("allOf", [])
        if "$ref" in schema:
            pending.append(documents.follow(schema))
        elif len(alone) == 1:
            pending += alone
    return found


def find_description(documents: Documents, schemas: tuple[Json, ...]) -> str:
    """Return the nearest description; empty if there is none."""
    return next((text.strip() for text in find_annotations(documents, schemas, "description")), "")


def find_title(documents: Documents, schema: Json, *, unlike: str) -> str:
    """Return the nearest title; empty if there is none, or if it only repeats the name `unlike`."""
    titles = find_annotations(documents, (schema,), "title")
    title = next((text.strip() for text in titles), "")
    return "" if pascal_case(title) == unlike else title
