"""The drafts of JSON Schema that schemas say they are written in: what each of them knows.

Every draft is read as what it says it is, and translated to 2020-12 (`translate_document.py`).
OpenAPI 3.0 and Swagger 2.0 have dialects of their own, which come from draft 4.

Dialects of 2020-12 choose among the standard vocabularies (section 8.1). A keyword that a dialect
leaves out has no effect. So these keywords are removed when the schema is read, and the result is a
schema of the standard dialect, which every validator supports.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from scaffold._validators import Draft as Meta
from scaffold.generator._schema.dialects.vocabulary import DIALECT, KNOWN_KEYWORDS, map_subschemas
from scaffold.generator._source.json_values import is_list, is_object
from scaffold.generator.ir import Json

_DRAFT_4 = """
    id $schema $ref title description default multipleOf maximum exclusiveMaximum minimum
    exclusiveMinimum maxLength minLength pattern additionalItems items maxItems minItems uniqueItems
    maxProperties minProperties required definitions properties additionalProperties
    patternProperties dependencies enum type format allOf anyOf oneOf not
"""
_DRAFT_6 = "$id examples const contains propertyNames"
_DRAFT_7 = "$comment if then else readOnly writeOnly contentMediaType contentEncoding"
_DRAFT_2019 = """
    $anchor $defs $recursiveRef $recursiveAnchor $vocabulary dependentRequired dependentSchemas
    maxContains minContains unevaluatedItems unevaluatedProperties contentSchema deprecated
"""
_OPENAPI = "nullable example readOnly writeOnly deprecated"
_NOT_IN_OPENAPI = "id $schema definitions dependencies patternProperties additionalItems"


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft: its keywords, and what cannot be seen from their names."""

    name: str
    keywords: frozenset[str]
    """What means something; all other keywords of 2020-12 mean nothing."""
    meta: Meta | None = None
    """Its meta-schema, as validators call it; `None` if they have none."""
    uri: str = ""
    """The address of its meta-schema."""
    identifier: str = "$id"
    ref_hides_siblings: bool = False
    """True if `$ref` silences what stands next to it."""


def _words(*texts: str) -> frozenset[str]:
    return frozenset(" ".join(texts).split())


_SITE = "http://json-schema.org/draft"

DRAFT_2020_12 = Draft("2020-12", KNOWN_KEYWORDS, "202012", DIALECT)

_4 = Draft("4", _words(_DRAFT_4), "4", f"{_SITE}-04/schema#", "id", ref_hides_siblings=True)
_6 = Draft(
    "6",
    _words(_DRAFT_4, _DRAFT_6) - {"id"},
    "6",
    f"{_SITE}-06/schema#",
    ref_hides_siblings=True,
)
_7 = Draft("7", _6.keywords | _words(_DRAFT_7), "7", f"{_SITE}-07/schema#", ref_hides_siblings=True)
_2019 = Draft(
    "2019-09",
    _7.keywords | _words(_DRAFT_2019),
    "201909",
    "https://json-schema.org/draft/2019-09/schema",
)
_SWAGGER_2 = Draft("Swagger 2.0", _4.keywords - _words(_NOT_IN_OPENAPI), ref_hides_siblings=True)
_OPENAPI_3 = Draft("OpenAPI 3.0", _SWAGGER_2.keywords | _words(_OPENAPI), ref_hides_siblings=True)

OPENAPI_3_1 = Draft("OpenAPI 3.1", KNOWN_KEYWORDS, DRAFT_2020_12.meta, DRAFT_2020_12.uri)
"""2020-12, as descriptions of APIs write it: some words are of former drafts."""

_DRAFTS = {
    "json-schema.org/draft/2020-12/schema": DRAFT_2020_12,
    "json-schema.org/draft/2019-09/schema": _2019,
    "json-schema.org/draft-07/schema": _7,
    "json-schema.org/draft-06/schema": _6,
    "json-schema.org/draft-04/schema": _4,
    "spec.openapis.org/oas/3.1/dialect/base": DRAFT_2020_12,
    "spec.openapis.org/oas/3.0/dialect/base": _OPENAPI_3,
}
"""The drafts by what `$schema` is without its scheme, `#` and `/` at the end."""


def draft_of(dialect: Json) -> Draft | None:
    """Return the draft that a `$schema` names; `None` if it is not one that is read."""
    if not isinstance(dialect, str):
        return None
    try:
        address = urlsplit(dialect.rstrip("#/"))
    except ValueError:
        return None
    known = address.scheme in ("http", "https") and not (address.query or address.fragment)
    return _DRAFTS.get(f"{address.netloc}{address.path}") if known else None


def description_draft(value: Json) -> Draft | None:
    """Return the dialect of the schemas in a description of an API; `None` for all other files.

    OpenAPI 3.1 has 2020-12, or what its `jsonSchemaDialect` says.
    """
    if not is_object(value) or not is_object(value.get("info")):
        return None
    if str(value.get("swagger", "")).startswith("2."):
        return _SWAGGER_2
    if isinstance(value.get("asyncapi"), str):
        return _7
    version = value.get("openapi")
    if not isinstance(version, str):
        return None
    if version.startswith("3.0"):
        return _OPENAPI_3
    draft = draft_of(value.get("jsonSchemaDialect")) or DRAFT_2020_12
    return OPENAPI_3_1 if draft is DRAFT_2020_12 else draft


def has_mixed_drafts(document: Json) -> bool:
    """Tell whether anything in a document of 2020-12 may be a schema of another draft."""
    pending: list[Json] = list(document.values()) if is_object(document) else []
    while pending:
        current = pending.pop()
        if is_object(current):
            dialect = current.get("$schema")
            if isinstance(dialect, str) and draft_of(dialect) is not DRAFT_2020_12:
                return True
            pending += current.values()
        elif is_list(current):
            pending += current
    return False


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
