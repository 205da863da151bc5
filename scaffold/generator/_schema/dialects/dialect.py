"""Dialects that choose among the standard vocabularies (JSON Schema 2020-12, section 8.1).

A keyword that a dialect leaves out has no effect. So these keywords are removed when the schema is
read, and the result is a schema of the standard dialect, which every validator supports.
"""

from scaffold.generator._schema.dialects.vocabulary import DIALECT, map_subschemas
from scaffold.generator._source.json_values import is_object
from scaffold.generator.ir import Json

_PREFIX = "https://json-schema.org/draft/2020-12/vocab/"
_TEXT = {
    "core": "",
    "applicator": """
        prefixItems items contains additionalProperties properties patternProperties propertyNames
        dependentSchemas if then else allOf anyOf oneOf not
    """,
    "unevaluated": "unevaluatedItems unevaluatedProperties",
    "validation": """
        type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength
        minLength pattern maxItems minItems uniqueItems maxContains minContains maxProperties
        minProperties required dependentRequired
    """,
    "meta-data": "title description default deprecated readOnly writeOnly examples",
    "format-annotation": "format",
    "content": "contentEncoding contentMediaType contentSchema",
}
_KEYWORDS = {_PREFIX + name: frozenset(text.split()) for name, text in _TEXT.items()}
_OPTIONAL = frozenset[str]().union(*_KEYWORDS.values())


def unknown_vocabularies(metaschema: Json) -> list[str]:
    """List the vocabularies that a meta-schema requires and scaffold does not support."""
    needed = _vocabularies(metaschema)
    return [uri for uri, is_required in needed.items() if is_required and uri not in _KEYWORDS]


def to_standard_dialect(schema: Json, metaschema: Json) -> Json:
    """Rewrite a schema of a dialect as the schema of the standard dialect that means the same."""
    spoken = (_KEYWORDS.get(uri, frozenset[str]()) for uri in _vocabularies(metaschema))
    silent = _OPTIONAL.difference(*spoken)
    return {**_without(schema, silent), "$schema": DIALECT}


def _vocabularies(metaschema: Json) -> dict[str, bool]:
    """Return the vocabularies of a meta-schema; one that names none has them all."""
    named = metaschema.get("$vocabulary") if is_object(metaschema) else None
    return named if is_object(named) else dict.fromkeys(_KEYWORDS, True)


def _without(schema: Json, silent: frozenset[str]) -> Json:
    if not is_object(schema):
        return schema
    heard = {keyword: value for keyword, value in schema.items() if keyword not in silent}
    return map_subschemas(heard, lambda inner: _without(inner, silent))
