"""What schemas tell people: annotations, found on a schema or on what it refers to."""

from scaffold.generator._schema.documents.documents import Documents
from scaffold.generator._source.json_values import is_object
from scaffold.generator.ir import Json

__all__ = ["find_annotations"]

_LEADS = frozenset({"$ref", "allOf"})


def find_annotations(documents: Documents, schemas: tuple[Json, ...], keyword: str) -> list[Json]:
    """List what is said under a keyword, the nearest first: at the place, then at its target."""
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
