"""What is allowed in a payload's schema and still better avoided."""

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

from scaffold._validators import compile_schema
from scaffold.generator import ir
from scaffold.generator._compile.compiler import Reading
from scaffold.generator._hookspec.naming import misspelt, pascal
from scaffold.generator._schema.dialects.old_keywords import mend_repeated
from scaffold.generator._schema.dialects.vocabulary import IN_PLACE, KNOWN, subschemas
from scaffold.generator._schema.documents.documents import Documents
from scaffold.generator._schema.documents.validate import check_schema
from scaffold.generator._schema.types.constraints import OBJECTS, Facts, gather
from scaffold.generator._source.canonical_json import canonical
from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator._source.edits import Edit, Insert, Rename
from scaffold.generator._source.json_values import is_object, type_of
from scaffold.generator._source.source_text import Places, Source

__all__ = ["lint_schemas"]

_Rule: TypeAlias = Callable[[Documents, dict[str, ir.Json]], Iterator[Diagnostic]]
"""Finds what is wrong with one schema object, the schemas in it left aside."""

_SAYS_TYPE = {"type", "$ref", "allOf", "anyOf", "oneOf", "enum", "const", "not", "if"}

_RANGES = (
    ("minLength", "maxLength", {"string"}),
    ("minItems", "maxItems", {"array"}),
    ("minimum", "maximum", {"integer", "number"}),
)


def lint_schemas(compilation: Reading) -> Iterator[Diagnostic]:
    """Yield the findings in all schemas that the payloads of a kind reach."""
    schemas = list(_schemas(compilation))
    for rule in _RULES:
        for schema in schemas:
            yield from rule(compilation.documents, schema)
    yield from _missing_types(compilation, schemas)


def _keywords(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    """Find what looks like a keyword and is none: a validator passes over it in silence."""
    translation = documents.home(schema)[0].translation
    known = KNOWN | _OPENAPI if translation and translation.is_description else KNOWN
    unknown = (keyword for keyword in schema if keyword not in known)
    for keyword in islice(unknown, _MOST_KEYWORDS):
        near = [_FORMER[keyword]] if keyword in _FORMER else _near(keyword)
        if near and len(keyword) > len("note") and not keyword.startswith("x-"):
            message = f"'{keyword}' is no keyword of JSON Schema, and is ignored"
            advice = f"did you mean '{near[0]}'?"
            at, mend = (keyword,), _meant(documents, schema, keyword)
            yield documents.problem(
                schema, at, "unknown-keyword", message, advice, key=True, mend=mend, safe=False
            )


def _meant(documents: Documents, schema: dict[str, ir.Json], keyword: str) -> list[Edit]:
    """Rename a misspelt keyword, if there is one that was surely meant, and the value fits it."""
    meant, place = misspelt(keyword, KNOWN), documents.written(schema)
    if meant is None or meant in schema or place is None:
        return []
    source = Source("", {meant: schema[keyword]}, lambda: Places({}, {}))
    file, at = place
    is_sound = not check_schema(source, (), source.value)
    return [Rename(file, (*at, keyword), meant)] if is_sound else []


_MOST_KEYWORDS = 100
"""Unknown keywords of one schema that are looked at."""


@lru_cache(maxsize=4096)
def _near(keyword: str) -> list[str]:
    return get_close_matches(keyword, KNOWN, n=1, cutoff=0.75)


_OPENAPI = frozenset({"example", "discriminator", "xml", "externalDocs", "nullable"})
"""What OpenAPI adds to JSON Schema: known in the description of an API, and only there."""

_FORMER = {"additionalItems": "items", "$recursiveRef": "$dynamicRef"}
"""What keywords of former drafts are called now."""


def _defaults(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    if "default" not in schema or _REFERS.search(canonical(schema)):
        return
    if not compile_schema(schema).is_valid(schema["default"]):
        message = "the default breaks its own schema"
        advice = "mend it; bindings leave a default out that does not fit its type"
        yield documents.problem(schema, ("default",), "invalid-default", message, advice)


_REFERS = re.compile(r'"\$(dynamicR|r)ef":')
"""What a part of a schema cannot be judged with by itself."""


def _twins(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    """Find properties whose names are one where case and separators do not count."""
    known: dict[str, str] = {}
    for name in schema.get("properties", {}):
        word = pascal(name)
        other = known.setdefault(word.lower(), name) if word else name
        if other != name:
            message = f"the properties '{other}' and '{name}' have one name in some languages"
            advice = f"rename one of the two: Go, for one, writes both as '{word}'"
            at = ("properties", name)
            yield documents.problem(schema, at, "twin-properties", message, advice, key=True)


def _values(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    """Find fixed values that are there twice, or whose names are one in some languages."""
    values: list[ir.Json] = schema.get("enum", [])
    place = documents.written(schema)
    edits = mend_repeated(place[0], (*place[1], "enum"), values) if place else []
    known: dict[str, int] = {}
    names: dict[str, str] = {}
    for index, value in enumerate(values):
        at = ("enum", index)
        if known.setdefault(canonical(value), index) != index:
            message, advice = "the value is in the list already", "remove one of the two"
            yield documents.problem(schema, at, "repeated-value", message, advice, mend=edits)
            continue
        word = pascal(value) if isinstance(value, str) else ""
        other = names.setdefault(word.lower(), str(value)) if word else value
        if other != value:
            message = f"the values '{other}' and '{value}' have one name in some languages"
            advice = f"rename one of the two: Go, for one, has constants that end in '{word}'"
            yield documents.problem(schema, at, "twin-values", message, advice)


def _untypable(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    """Find what the types of no language can say, so that people get `any` instead."""
    values: list[ir.Json] = schema.get("enum", [])
    for keyword, most in _MOST.items():
        count = len(schema.get(keyword, []))
        if count > most:
            message = f"no type lists {count} {_LISTED[keyword]}: at most {most}"
            advice = "say what they have in common; the schema is enforced all the same"
            yield documents.problem(schema, (keyword,), "untypable", message, advice, key=True)
    if any(isinstance(value, dict | list) for value in values):
        message = "no type can be one of fixed objects or lists"
        advice = "describe their properties, with 'const' where they differ"
        yield documents.problem(schema, ("enum",), "untypable", message, advice, key=True)


_MOST = {"enum": 1_000, "anyOf": 250, "oneOf": 250}
"""As `docs/limits.md` has it."""
_LISTED = {"enum": "values", "anyOf": "alternatives", "oneOf": "alternatives"}


def _nothing(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    reason = _contradiction(gather(documents, (schema,)))
    if reason:
        advice = "mend it; write 'false' where nothing is meant to be valid"
        message = f"no value is valid: {reason}"
        yield documents.problem(schema, (), "accepts-nothing", message, advice)


def _contradiction(facts: Facts) -> str | None:
    """Say why no value can be valid, if that is plain to see."""
    if not facts.types:
        return "no type is left"
    if facts.choice is not None and not any(type_of(each) in facts.types for each in facts.choice):
        return "none of the fixed values is of the type"
    for low, high, types in _RANGES:
        both = low in facts.bounds and high in facts.bounds
        if both and facts.types <= types and facts.bounds[low] > facts.bounds[high]:
            return f"'{low}' is more than '{high}'"
    unknown = [name for name in facts.required if name not in facts.properties]
    if facts.closed and facts.types == OBJECTS and unknown:
        return f"'{unknown[0]}' is required, and not one of the properties allowed"
    return None


def _missing_types(compilation: Reading, schemas: list[dict[str, ir.Json]]) -> Iterator[Diagnostic]:
    documents = compilation.documents
    roots = [document.value for document in compilation.payloads.values() if document]
    inner = [
        part for schema in schemas for step, part in subschemas(schema) if step[0] not in IN_PLACE
    ]
    for schema in filter(is_object, [*roots, *inner]):
        if "properties" in schema and not schema.keys() & _SAYS_TYPE:
            message = "the schema names properties, and accepts everything that is no object"
            place = documents.written(schema)
            mend = [Insert(place[0], (*place[1], "properties"), "type", "object")] if place else []
            at, advice = ("properties",), "add 'type: object'"
            yield documents.problem(
                schema, at, "missing-type", message, advice, key=True, mend=mend, safe=False
            )
        facts = gather(documents, (schema,))
        unknown = [name for name in facts.required if name not in facts.properties]
        if facts.types == OBJECTS and unknown and not facts.closed and not facts.left:
            message = f"'{unknown[0]}' is required, and nothing says what it is"
            advice = "name it under 'properties', or mend its name"
            yield documents.problem(schema, ("required",), "undescribed-property", message, advice)


def _schemas(compilation: Reading) -> Iterator[dict[str, ir.Json]]:
    """Yield every schema object that the payloads reach, once."""
    pending = [document.value for document in compilation.payloads.values() if document]
    seen: set[int] = set()
    while pending:
        schema = pending.pop()
        if not is_object(schema) or id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema
        pending += [inner for _, inner in subschemas(schema)]
        if "$ref" in schema:
            pending.append(compilation.documents.follow(schema))


_RULES: tuple[_Rule, ...] = (
    _keywords,
    _defaults,
    _twins,
    _values,
    _untypable,
    _nothing,
)
