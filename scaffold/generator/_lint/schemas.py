"""Warnings about payload schemas that are valid but better avoided."""

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

from scaffold._validators import compile_schema
from scaffold.generator import ir
from scaffold.generator._compile.compiler import KindSources
from scaffold.generator._hookspec.naming import intended_word, pascal_case
from scaffold.generator._schema.dialects.vocabulary import (
    IN_PLACE_APPLICATORS,
    KNOWN_KEYWORDS,
    subschemas,
)
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.documents.validate import check_schema, fix_repeated
from scaffold.generator._schema.types.collect_constraints import collect
from scaffold.generator._schema.types.constraints import OBJECT_TYPE, Constraints
from scaffold.generator._source.diagnostics import Diagnostic, Edit, Insert, Rename
from scaffold.generator._source.json_values import canonical, is_object, type_of
from scaffold.generator._source.source_text import Positions, SourceFile

_Rule: TypeAlias = Callable[[Documents, dict[str, ir.Json]], Iterator[Diagnostic]]
"""Finds what is wrong with one schema object, the schemas in it left aside."""

_SAYS_TYPE = {"type", "$ref", "allOf", "anyOf", "oneOf", "enum", "const", "not", "if"}

_RANGES = (
    ("minLength", "maxLength", {"string"}),
    ("minItems", "maxItems", {"array"}),
    ("minimum", "maximum", {"integer", "number"}),
)


def lint_schemas(sources: KindSources) -> Iterator[Diagnostic]:
    """Yield the findings in all schemas that the payloads of a kind reach."""
    schemas = list(_schemas(sources))
    for rule in _RULES:
        for schema in schemas:
            yield from rule(sources.documents, schema)
    yield from _missing_types(sources, schemas)


def _keywords(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    """Find names that look like misspelt keywords: validators ignore them."""
    translation = documents.locate(schema)[0].translation
    known = (
        KNOWN_KEYWORDS | _OPENAPI if translation and translation.is_description else KNOWN_KEYWORDS
    )
    unknown = (keyword for keyword in schema if keyword not in known)
    for keyword in islice(unknown, _MAX_REPORTED_KEYWORDS):
        near = [_RENAMED_KEYWORDS[keyword]] if keyword in _RENAMED_KEYWORDS else _near(keyword)
        if near and len(keyword) > len("note") and not keyword.startswith("x-"):
            message = f"'{keyword}' is not a keyword of JSON Schema, and validators ignore it"
            hint = f"did you mean '{near[0]}'?"
            at, fix = (keyword,), _meant(documents, schema, keyword)
            yield documents.problem(
                schema, at, "unknown-keyword", message, hint, key=True, fix=fix, safe=False
            )


def _meant(documents: Documents, schema: dict[str, ir.Json], keyword: str) -> list[Edit]:
    """Rename a misspelt keyword, if there is one that was surely meant, and the value fits it."""
    meant, place = intended_word(keyword, KNOWN_KEYWORDS), documents.source_place(schema)
    if meant is None or meant in schema or place is None:
        return []
    source = SourceFile("", {meant: schema[keyword]}, lambda: Positions({}, {}))
    file, at = place
    is_sound = not check_schema(source, (), source.value)
    return [Rename(file, (*at, keyword), meant)] if is_sound else []


_MAX_REPORTED_KEYWORDS = 100
"""Unknown keywords of one schema that are looked at."""


@lru_cache(maxsize=4096)
def _near(keyword: str) -> list[str]:
    return get_close_matches(keyword, KNOWN_KEYWORDS, n=1, cutoff=0.75)


_OPENAPI = frozenset({"example", "discriminator", "xml", "externalDocs", "nullable"})
"""What OpenAPI adds to JSON Schema: known in the description of an API, and only there."""

_RENAMED_KEYWORDS = {"additionalItems": "items", "$recursiveRef": "$dynamicRef"}
"""What keywords of former drafts are called now."""


def _defaults(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    if "default" not in schema or _REFERS.search(canonical(schema)):
        return
    if not compile_schema(schema).is_valid(schema["default"]):
        message = "the default does not match its own schema"
        hint = "correct the default: bindings leave out one that does not match its type"
        yield documents.problem(schema, ("default",), "invalid-default", message, hint)


_REFERS = re.compile(r'"\$(dynamicR|r)ef":')
"""What a part of a schema cannot be judged with by itself."""


def _twins(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    """Find properties whose names are one where case and separators do not count."""
    known: dict[str, str] = {}
    for name in schema.get("properties", {}):
        word = pascal_case(name)
        other = known.setdefault(word.lower(), name) if word else name
        if other != name:
            message = f"the properties '{other}' and '{name}' get the same name in some languages"
            hint = f"rename one of the two: Go, for example, writes both as '{word}'"
            at = ("properties", name)
            yield documents.problem(schema, at, "twin-properties", message, hint, key=True)


def _values(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    """Find fixed values that are there twice, or whose names are one in some languages."""
    values: list[ir.Json] = schema.get("enum", [])
    place = documents.source_place(schema)
    edits = fix_repeated(place[0], (*place[1], "enum"), values) if place else []
    known: dict[str, int] = {}
    names: dict[str, str] = {}
    for index, value in enumerate(values):
        at = ("enum", index)
        if known.setdefault(canonical(value), index) != index:
            message, hint = "the list has this value already", "remove one of the two"
            yield documents.problem(schema, at, "repeated-value", message, hint, fix=edits)
            continue
        word = pascal_case(value) if isinstance(value, str) else ""
        other = names.setdefault(word.lower(), str(value)) if word else value
        if other != value:
            message = f"the values '{other}' and '{value}' get the same name in some languages"
            hint = f"rename one of the two: Go, for example, has constants that end in '{word}'"
            yield documents.problem(schema, at, "twin-values", message, hint)


def _untypable(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    """Find what the types of no language can say, so that people get `any` instead."""
    values: list[ir.Json] = schema.get("enum", [])
    for keyword, most in _MAX_COUNTS.items():
        count = len(schema.get(keyword, []))
        if count > most:
            message = f"no type lists {count} {_LISTED[keyword]}: at most {most}"
            hint = "describe what they have in common; the schema is enforced anyway"
            yield documents.problem(schema, (keyword,), "untypable", message, hint, key=True)
    if any(isinstance(value, dict | list) for value in values):
        message = "no type can be one of fixed objects or lists"
        hint = "describe their properties, with 'const' where they differ"
        yield documents.problem(schema, ("enum",), "untypable", message, hint, key=True)


_MAX_COUNTS = {"enum": 1_000, "anyOf": 250, "oneOf": 250}
"""As `docs/limits.md` has it."""
_LISTED = {"enum": "values", "anyOf": "alternatives", "oneOf": "alternatives"}


def _nothing(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    reason = _contradiction(collect(documents, (schema,)))
    if reason:
        hint = "correct the schema, or write 'false' if the schema must accept no value"
        message = f"no value is valid: {reason}"
        yield documents.problem(schema, (), "accepts-nothing", message, hint)


def _contradiction(constraints: Constraints) -> str | None:
    """Say why no value can be valid, if that is plain to see."""
    if not constraints.types:
        return "no type is left"
    if constraints.choice is not None and not any(
        type_of(each) in constraints.types for each in constraints.choice
    ):
        return "none of the fixed values is of the type"
    for low, high, types in _RANGES:
        both = low in constraints.bounds and high in constraints.bounds
        if (
            both
            and constraints.types <= types
            and constraints.bounds[low] > constraints.bounds[high]
        ):
            return f"'{low}' is more than '{high}'"
    unknown = [name for name in constraints.required if name not in constraints.properties]
    if constraints.closed and constraints.types == OBJECT_TYPE and unknown:
        return f"'{unknown[0]}' is required but is not an allowed property"
    return None


def _missing_types(sources: KindSources, schemas: list[dict[str, ir.Json]]) -> Iterator[Diagnostic]:
    documents = sources.documents
    roots = [document.value for document in sources.payloads.values() if document]
    inner = [
        part
        for schema in schemas
        for step, part in subschemas(schema)
        if step[0] not in IN_PLACE_APPLICATORS
    ]
    for schema in filter(is_object, [*roots, *inner]):
        if "properties" in schema and not schema.keys() & _SAYS_TYPE:
            message = "the schema lists properties, but accepts every value that is not an object"
            place = documents.source_place(schema)
            fix = [Insert(place[0], (*place[1], "properties"), "type", "object")] if place else []
            at, hint = ("properties",), "add 'type: object'"
            yield documents.problem(
                schema, at, "missing-type", message, hint, key=True, fix=fix, safe=False
            )
        constraints = collect(documents, (schema,))
        unknown = [name for name in constraints.required if name not in constraints.properties]
        if (
            constraints.types == OBJECT_TYPE
            and unknown
            and not constraints.closed
            and not constraints.left
        ):
            message = f"'{unknown[0]}' is required but not described"
            hint = "describe it under 'properties', or correct its name"
            yield documents.problem(schema, ("required",), "undescribed-property", message, hint)


def _schemas(sources: KindSources) -> Iterator[dict[str, ir.Json]]:
    """Yield every schema object that the payloads reach, once."""
    pending = [document.value for document in sources.payloads.values() if document]
    seen: set[int] = set()
    while pending:
        schema = pending.pop()
        if not is_object(schema) or id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema
        pending += [inner for _, inner in subschemas(schema)]
        if "$ref" in schema:
            pending.append(sources.documents.follow(schema))


_RULES: tuple[_Rule, ...] = (
    _keywords,
    _defaults,
    _twins,
    _values,
    _untypable,
    _nothing,
)
