"""A schema without undeclared properties: each open object that declares properties is closed.

An open object accepts any property, so declaring a new property forbids values that were valid but
probably not in use. Comparing only payloads with declared properties separates such a change from a
change that hosts or plugins will notice.
"""

from collections.abc import Iterator

from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS, subschemas
from scaffold.generator._source.json_values import is_object
from scaffold.generator.ir import Json

_OPENING = {"additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames"}
_ENTANGLED = {"$dynamicRef", "allOf", "not", "oneOf", "if", "dependentSchemas", "contains"}


def close_objects(schema: Json) -> Json:
    """Close the objects that name properties and are open: the result accepts less.

    Where closing an object could let more through (under `not`), or shut out what another part
    names (under `allOf`), the whole schema is left as it is.
    """
    return schema if any(map(_is_entangled, _parts(schema))) else _closed(schema)


def _is_entangled(part: dict[str, Json]) -> bool:
    keywords = part.keys() & ASSERTIONS
    siblings = keywords - {"$ref"} if "$ref" in keywords else keywords & {"properties"}
    shared = {"$ref", "anyOf"} & keywords
    return bool(keywords & _ENTANGLED or (shared and siblings))


def _closed(schema: Json) -> Json:
    if not is_object(schema):
        return schema
    result = {**schema}
    for (keyword, *rest), inner in subschemas(schema):
        closed = _closed(inner)
        if not rest:
            result[str(keyword)] = closed
        elif isinstance(rest[0], int):
            members = list(result[str(keyword)])
            members[rest[0]] = closed
            result[str(keyword)] = members
        else:
            result[str(keyword)] = {**result[str(keyword)], rest[0]: closed}
    if "properties" in schema and not schema.keys() & _OPENING:
        result["additionalProperties"] = False
    return result


def _parts(schema: Json) -> Iterator[dict[str, Json]]:
    if is_object(schema):
        yield schema
        for _, inner in subschemas(schema):
            yield from _parts(inner)
