"""Validate schemas against the meta-schema of JSON Schema, and report errors in plain words."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from scaffold._validators import Validator, compile_schema
from scaffold.generator._hookspec.naming import intended_word
from scaffold.generator._schema.dialects.drafts import DRAFT_2020_12, OPENAPI_3_1, Draft
from scaffold.generator._schema.dialects.old_keywords import (
    fix_bound,
    fix_items,
    fix_repeated,
)
from scaffold.generator._schema.dialects.translate_document import Translation
from scaffold.generator._schema.dialects.vocabulary import DIALECT, is_walkable, subschemas
from scaffold.generator._schema.documents.schema_errors import TYPES, explain_schema_error
from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator._source.edits import Edit, Replace
from scaffold.generator._source.json_values import is_list, is_object
from scaffold.generator._source.pointers import resolve_pointer
from scaffold.generator._source.source_text import Pointer, SourceFile
from scaffold.generator._source.type_words import describe_value
from scaffold.generator.ir import Json


def check_schema(
    source: SourceFile, at: Pointer, schema: Json, place: Callable[[Pointer], Pointer] | None = None
) -> list[Diagnostic]:
    """Return every way in which a value is not a JSON Schema of draft 2020-12.

    `place` tells where in the source, from `at` on, the parts of a translated schema stand.
    """
    if not isinstance(schema, dict | bool):
        message = f"a schema is an object, not {describe_value(schema)}"
        return [source.problem(at, "invalid-schema", message)]
    found: dict[Pointer, Diagnostic] = {}
    for error in _validator(DRAFT_2020_12).iter_errors(schema):
        path: Pointer = tuple(error.instance_path)
        where = (*at, *(place(path) if place else path))
        message, hint = explain_schema_error(error)
        # A translated schema has no exact place in the author's file, so there is no edit to offer.
        fix = [] if place else _find_fix(source.file, at, error, schema)
        problem = source.problem(where, "invalid-schema", message, hint, fix=fix)
        found.setdefault(where, problem)
    if is_walkable(schema):
        for where, problem in _check_patterns(source, at, schema, place or tuple):
            found.setdefault(where, problem)
    return list(found.values())


def check_draft(
    source: SourceFile, at: Pointer, translation: Translation, origin: Pointer, draft: Draft
) -> list[Diagnostic]:
    """Return every way in which a part of a document breaks the draft that it is written in.

    What stands next to a `$ref` that silences it does not count, and `format` only for patterns.
    """
    if draft.meta is None or draft in (DRAFT_2020_12, OPENAPI_3_1) or translation.mixed:
        return []
    found: dict[Pointer, Diagnostic] = {}
    for error in _validator(draft).iter_errors(resolve_pointer(translation.original, origin)):
        path = (*origin, *error.instance_path)
        details = error.kind.as_dict()
        if translation.is_hidden_by_ref(path) or details.get("format", "regex") != "regex":
            continue
        message, hint = explain_schema_error(error)
        where = (*at, *path)
        hint = hint or f"the schema says that it is written in draft {draft.name}"
        found.setdefault(where, source.problem(where, "invalid-schema", message, hint))
    return list(found.values())


def unknown_dialect_error(source: SourceFile, at: Pointer, dialect: Json) -> Diagnostic:
    """Report a `$schema` that names a dialect that is not read."""
    message = f"'{dialect}' is not a supported dialect"
    hint = f"write '{DIALECT}', or name draft 4, 6, 7 or 2019-09 if the schema is of that draft"
    return source.problem(at, "schema-dialect", message, hint)


def _check_patterns(
    source: SourceFile, at: Pointer, schema: Json, place: Callable[[Pointer], Pointer]
) -> Iterator[tuple[Pointer, Diagnostic]]:
    """Yield the patterns that are well formed, and still more than a validator takes."""
    if '"pattern' not in json.dumps(schema):  # most have none, and need no walk
        return
    pending: list[tuple[Pointer, Json]] = [((), schema)]
    while pending:
        here, current = pending.pop()
        if not is_object(current):
            continue
        named: list[str] = list(current.get("patternProperties", {}))
        patterns: dict[Pointer, Json] = {
            (*here, "patternProperties", pattern): pattern for pattern in named
        }
        if "pattern" in current:
            patterns[*here, "pattern"] = current["pattern"]
        for where, pattern in patterns.items():
            if isinstance(pattern, str) and not _compiles(pattern):
                message = f"the pattern '{pattern}' is too large"
                hint = "lower the repeat counts, or nest fewer of them"
                real = (*at, *place(where))
                yield real, source.problem(real, "invalid-schema", message, hint)
        pending += [((*here, *step), inner) for step, inner in subschemas(current)]


@cache
def _compiles(pattern: str) -> bool:
    try:
        compile_schema({"pattern": pattern})
    except ValueError:
        return False
    return True


@cache
def _validator(draft: Draft) -> Validator:
    assert draft.meta is not None
    # `format` is asserted here and nowhere else: a pattern must be a regular expression.
    return compile_schema({"$ref": draft.uri}, draft.meta, formats=True)


def _find_fix(file: str, at: Pointer, error: Any, schema: Json) -> list[Edit]:
    """Return the edits that fix an error of the meta-schema, if there is no doubt about them."""
    path: Pointer = tuple(error.instance_path)
    holder, where, value = schema, (*at, *path), error.instance
    for step in path[:-1]:
        holder = holder[step]
    match path[-1] if path else "", error.kind.name:
        case "type", "anyOf":
            meant = _types_meant(value)
            return [Replace(file, where, meant)] if meant else []
        case "items", "type" if is_list(value):
            return fix_items(file, where, holder)
        case "exclusiveMinimum" | "exclusiveMaximum", "type":
            return fix_bound(file, where, holder)
        case _, "uniqueItems":
            return fix_repeated(file, where, value)
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
    return (
        value if value in TYPES else _OTHER_NAMES.get(value.lower()) or intended_word(value, TYPES)
    )


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
