"""Hold a schema to JSON Schema 2020-12 itself, and say what is wrong in a person's words."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from scaffold.generator.diagnostics import Diagnostic
from scaffold.generator.hookspec.source import Pointer, Source
from scaffold.generator.hookspec.wording import kind_of
from scaffold.generator.ir import Json
from scaffold.generator.mend.edits import Edit, Replace
from scaffold.generator.names import misspelt
from scaffold.generator.schema.draft7 import DRAFT_7
from scaffold.generator.schema.explain import TYPES, explain
from scaffold.generator.schema.former import (
    mend_bound,
    mend_dialect,
    mend_items,
    mend_repeated,
)
from scaffold.generator.schema.vocabulary import DIALECT, subschemas
from scaffold.generator.values import is_list, is_object
from scaffold.validators import Validator, validator

__all__ = ["check_schema", "is_verbatim"]


def check_schema(source: Source, at: Pointer, schema: Json) -> list[Diagnostic]:
    """Return every way in which a value is no JSON Schema 2020-12."""
    if not isinstance(schema, dict | bool):
        message = f"a schema is an object, not {kind_of(schema)}"
        return [source.problem(at, "invalid-schema", message)]
    dialect = schema.get("$schema", DIALECT) if is_object(schema) else DIALECT
    if not isinstance(dialect, str) or dialect.rstrip("#") != DIALECT:
        message = f"'{dialect}' is not the dialect of hookspecs"
        advice = f"write the schema for '{DIALECT}', or leave '$schema' out"
        mend = mend_dialect(source.file, at, schema) if isinstance(dialect, str) else []
        where = (*at, "$schema")
        return [source.problem(where, "schema-dialect", message, advice, mend=mend)]
    found: dict[Pointer, Diagnostic] = {}
    for error in _validator().iter_errors(schema):
        where = (*at, *error.instance_path)
        message, advice = explain(error)
        # What was translated does not stand where the author's own words do.
        mend = _mend(source.file, at, error, schema) if is_verbatim(source, at) else []
        problem = source.problem(where, "invalid-schema", message, advice, mend=mend)
        found.setdefault(where, problem)
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
    try:
        validator({"pattern": pattern})
    except ValueError:
        return False
    return True


@cache
def _validator() -> Validator:
    # `format` is asserted here and nowhere else: a pattern must be a regular expression.
    return validator({"$ref": DIALECT}, formats=True)


def is_verbatim(source: Source, at: Pointer) -> bool:
    """Tell whether a schema is read as its author wrote it, and not translated from draft 7."""
    written = source.value
    for step in at:
        written = written[step]
    dialect: Json = written.get("$schema") if is_object(written) else None
    return not isinstance(dialect, str) or dialect.rstrip("#") != DRAFT_7


def _mend(file: str, at: Pointer, error: Any, schema: Json) -> list[Edit]:
    """Return the edits that mend an error of the meta-schema, if they are beyond doubt."""
    path: Pointer = tuple(error.instance_path)
    holder, where, value = schema, (*at, *path), error.instance
    for step in path[:-1]:
        holder = holder[step]
    match path[-1] if path else "", error.kind.name:
        case "type", "anyOf":
            meant = _types_meant(value)
            return [Replace(file, where, meant)] if meant else []
        case "items", "type" if is_list(value):
            return mend_items(file, where, holder)
        case "exclusiveMinimum" | "exclusiveMaximum", "type":
            return mend_bound(file, where, holder)
        case _, "uniqueItems":
            return mend_repeated(file, where, value)
        case _:
            return []


def _types_meant(value: Json) -> Json:
    """Return what stands for one or several types, spelled as JSON Schema has it."""
    if is_list(value):
        meant = [_type_meant(item) for item in value]
        return None if None in meant else meant
    return _type_meant(value)


def _type_meant(value: Json) -> str | None:
    if not isinstance(value, str):
        return None
    return value if value in TYPES else _OTHER_NAMES.get(value.lower()) or misspelt(value, TYPES)


_OTHER_NAMES = {
    name: type_
    for type_, names in {
        "array": "list sequence",
        "boolean": "bool",
        "integer": "int",
        "null": "none nil",
        "number": "float double decimal",
        "object": "dict map mapping",
        "string": "str text",
    }.items()
    for name in names.split()
}
"""What other languages call the types of JSON."""
