"""Hold a schema to JSON Schema 2020-12 itself, and say what is wrong in a person's words."""

import json
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from scaffold.generator.diagnostics import Diagnostic
from scaffold.generator.hookspec.source import Pointer, Source
from scaffold.generator.hookspec.wording import kind_of, types_in_words
from scaffold.generator.ir import Json
from scaffold.generator.names import did_you_mean
from scaffold.generator.schema.vocabulary import DIALECT, subschemas
from scaffold.generator.values import is_object, type_of

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

__all__ = ["check_schema"]

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


def check_schema(source: Source, at: Pointer, schema: Json) -> list[Diagnostic]:
    """Return every way in which a value is no JSON Schema 2020-12."""
    if not isinstance(schema, dict | bool):
        message = f"a schema is an object, not {kind_of(schema)}"
        return [source.problem(at, "invalid-schema", message)]
    dialect = schema.get("$schema", DIALECT) if is_object(schema) else DIALECT
    if not isinstance(dialect, str) or dialect.rstrip("#") != DIALECT:
        message = f"'{dialect}' is not the dialect of hookspecs"
        advice = f"write the schema for '{DIALECT}', or leave '$schema' out"
        return [source.problem((*at, "$schema"), "schema-dialect", message, advice)]
    found: dict[Pointer, Diagnostic] = {}
    for error in _validator().iter_errors(schema):
        where = (*at, *error.instance_path)
        message, advice = _explain(error)
        found.setdefault(where, source.problem(where, "invalid-schema", message, advice))
    return list(found.values()) or list(_check_patterns(source, at, schema))


def _check_patterns(source: Source, at: Pointer, schema: Json) -> Iterator[Diagnostic]:
    """Yield the patterns that are well formed, and still more than a validator takes."""
    if '"pattern' not in json.dumps(schema):  # most have none, and need no walk
        return
    pending: list[tuple[Pointer, Json]] = [(at, schema)]
    while pending:
        here, current = pending.pop()
        if not is_object(current):
            continue
        named: list[str] = list(current.get("patternProperties", {}))
        patterns: dict[Pointer, str] = {
            (*here, "patternProperties", pattern): pattern for pattern in named
        }
        if "pattern" in current:
            patterns[*here, "pattern"] = current["pattern"]
        for where, pattern in patterns.items():
            if not _compiles(pattern):
                message = f"the pattern '{pattern}' is too large"
                advice = "repeat less, or less deeply: a repeated part counts every time"
                yield source.problem(where, "invalid-schema", message, advice)
        pending += [((*here, *step), inner) for step, inner in subschemas(current)]


@cache
def _compiles(pattern: str) -> bool:
    from jsonschema_rs import Draft202012Validator

    try:
        Draft202012Validator({"pattern": pattern})
    except ValueError:
        return False
    return True


@cache
def _validator() -> "Draft202012Validator":
    from jsonschema_rs import Draft202012Validator

    # `format` is asserted here and nowhere else: a pattern must be a regular expression.
    return Draft202012Validator({"$ref": DIALECT}, validate_formats=True)


def _explain(error: Any) -> tuple[str, str]:
    """Return message and help for one error of the meta-schema."""
    path = list(error.instance_path)
    value, name = error.instance, path[-1] if path else ""
    details = error.kind.as_dict()
    if name == "type" or path[-2:-1] == ["type"]:
        if isinstance(value, str):
            return f"there is no JSON type '{value}'", did_you_mean(value, _TYPES)
        return "'type' must be the name of a JSON type, or a list of such names", ""
    match error.kind.name:
        case "type":
            message = f"'{name}' must be {types_in_words(details['types'])}, not {kind_of(value)}"
            return message, _FORMER.get((str(name), type_of(value)), "")
        case "format" if details["format"] == "regex":
            return f"'{value}' is no regular expression", "use the syntax of ECMA-262"
        case "format":
            return f"'{value}' is no {details['format']}", ""
        case "minimum" | "exclusiveMinimum" | "minItems":
            return f"'{name}' is too small", ""
        case "uniqueItems":
            return f"'{name}' says the same thing twice", ""
        case rule:
            return f"'{name}' breaks the rule '{rule}' of JSON Schema", ""


_FORMER: dict[tuple[str, str], str] = {
    ("items", "array"): "write 'prefixItems' for a list of schemas, as draft 2020-12 has it",
    ("exclusiveMinimum", "boolean"): "write the number here, and leave 'minimum' out",
    ("exclusiveMaximum", "boolean"): "write the number here, and leave 'maximum' out",
    ("required", "boolean"): "list the required properties at the object around them",
}
"""What a keyword of former drafts is called now, by the JSON type that it had."""
