"""What is allowed in a payload's schema and still better avoided."""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import TypeAlias

from scaffold.generator import ir
from scaffold.generator.canonical import canonical
from scaffold.generator.compiler import Compilation
from scaffold.generator.diagnostics import Diagnostic
from scaffold.generator.names import pascal
from scaffold.generator.schema.documents import Documents
from scaffold.generator.schema.facts import OBJECTS, Facts, gather
from scaffold.generator.schema.vocabulary import IN_PLACE, KNOWN, subschemas
from scaffold.generator.values import is_object, type_of

__all__ = ["lint_schemas"]

_Rule: TypeAlias = Callable[[Documents, dict[str, ir.Json]], Iterator[Diagnostic]]
"""Finds what is wrong with one schema object, the schemas in it left aside."""

_SAYS_TYPE = {"type", "$ref", "allOf", "anyOf", "oneOf", "enum", "const", "not", "if"}

_RANGES = (
    ("minLength", "maxLength", {"string"}),
    ("minItems", "maxItems", {"array"}),
    ("minimum", "maximum", {"integer", "number"}),
)


def lint_schemas(compilation: Compilation) -> Iterator[Diagnostic]:
    """Yield the findings in all schemas that the payloads of a kind reach."""
    schemas = list(_schemas(compilation))
    for rule in _RULES:
        for schema in schemas:
            yield from rule(compilation.documents, schema)
    yield from _missing_types(compilation, schemas)


def _keywords(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    """Find what looks like a keyword and is none: a validator passes over it in silence."""
    for keyword in schema.keys() - KNOWN:
        near = [_FORMER[keyword]] if keyword in _FORMER else _near(keyword)
        if near and len(keyword) > len("note") and not keyword.startswith("x-"):
            message = f"'{keyword}' is no keyword of JSON Schema, and is ignored"
            advice = f"did you mean '{near[0]}'?"
            at = (keyword,)
            yield documents.problem(schema, at, "unknown-keyword", message, advice, key=True)


def _near(keyword: str) -> list[str]:
    return get_close_matches(keyword, KNOWN, n=1, cutoff=0.75)


_FORMER = {"additionalItems": "items", "$recursiveRef": "$dynamicRef"}
"""What keywords of former drafts are called now."""


def _defaults(documents: Documents, schema: dict[str, ir.Json]) -> Iterator[Diagnostic]:
    from jsonschema_rs import Draft202012Validator

    if "default" not in schema or '"$ref":' in canonical(schema):
        return
    if not Draft202012Validator(schema).is_valid(schema["default"]):
        message = "the default breaks its own schema"
        advice = "mend it; bindings leave a default out that does not fit its type"
        yield documents.problem(schema, ("default",), "invalid-default", message, advice)


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


def _missing_types(
    compilation: Compilation, schemas: list[dict[str, ir.Json]]
) -> Iterator[Diagnostic]:
    roots = [document.value for document in compilation.payloads.values() if document]
    inner = [
        part for schema in schemas for step, part in subschemas(schema) if step[0] not in IN_PLACE
    ]
    for schema in filter(is_object, [*roots, *inner]):
        if "properties" in schema and not schema.keys() & _SAYS_TYPE:
            message = "the schema names properties, and accepts everything that is no object"
            at = ("properties",)
            yield compilation.documents.problem(
                schema, at, "missing-type", message, "add 'type: object'", key=True
            )


def _schemas(compilation: Compilation) -> Iterator[dict[str, ir.Json]]:
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


_RULES: tuple[_Rule, ...] = (_keywords, _defaults, _twins, _nothing)
