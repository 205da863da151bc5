"""Validate schemas against the meta-schema of JSON Schema.

Each error gets a message and a hint in plain words. Where a former draft wrote the same in another
way, it gets a fix as well.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeAlias

from scaffold._validators import Validator, compile_schema
from scaffold.generator._hookspec.naming import did_you_mean, intended_word, quoted_list
from scaffold.generator._schema.dialects.drafts import DRAFT_2020_12, OPENAPI_3_1, Draft
from scaffold.generator._schema.dialects.translate_document import Translation
from scaffold.generator._schema.dialects.vocabulary import DIALECT, is_walkable, subschemas
from scaffold.generator._source.diagnostics import Diagnostic, Edit, Remove, Rename, Replace
from scaffold.generator._source.json_values import (
    canonical,
    describe_types,
    describe_value,
    is_list,
    is_object,
    type_of,
)
from scaffold.generator._source.pointers import resolve_pointer
from scaffold.generator._source.source_text import Pointer, SourceFile
from scaffold.generator.ir import Json

_EXCLUSIVE = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def fix_bound(file: str, at: Pointer, schema: Json) -> list[Edit]:
    """Write `minimum: 3, exclusiveMinimum: true` as `exclusiveMinimum: 3`."""
    bound = _EXCLUSIVE.get(str(at[-1]), "")
    if schema[at[-1]] is True and bound in schema:
        return [Remove(file, at), Rename(file, (*at[:-1], bound), str(at[-1]))]
    return [Remove(file, at)] if isinstance(schema[at[-1]], bool) else []


def fix_items(file: str, at: Pointer, schema: Json) -> list[Edit]:
    """Write a list of schemas under `items` as `prefixItems`, and what follows it as `items`."""
    if "prefixItems" in schema:
        return []
    edits: list[Edit] = [Rename(file, at, "prefixItems")]
    if "additionalItems" in schema:
        edits.append(Rename(file, (*at[:-1], "additionalItems"), "items"))
    return edits


def fix_repeated(file: str, at: Pointer, values: list[Json]) -> list[Edit]:
    """Leave out of a list what stands in it before."""
    known: set[str] = set()
    edits: list[Edit] = []
    for index, value in enumerate(values):
        if canonical(value) in known:
            edits.append(Remove(file, (*at, index)))
        known.add(canonical(value))
    return edits[:1]  # two cuts may touch; the rest is for the next round


TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")

_Words: TypeAlias = tuple[str, str]
"""Message and help."""


def explain_schema_error(error: Any) -> _Words:
    """Return message and help for one error of the meta-schema."""
    path = list(error.instance_path)
    name, value = str(path[-1]) if path else "", error.instance
    if name == "type" or path[-2:-1] == ["type"]:
        if isinstance(value, str):
            return f"there is no JSON type '{value}'", did_you_mean(value, TYPES)
        hint = f"there is: {quoted_list(TYPES)}"
        return "'type' must be the name of a JSON type, or a list of such names", hint
    words = _WORDS.get(error.kind.name)
    if words is None:
        return f"'{name}' breaks the rule '{error.kind.name}' of JSON Schema", ""
    return words(name, value, error.kind.as_dict())


def _type(name: str, value: Any, details: dict[str, Any]) -> _Words:
    message = f"'{name}' must be {describe_types(details['types'])}, not {describe_value(value)}"
    return message, _OLD_KEYWORD_HINTS.get((name, type_of(value)), "")


_OLD_KEYWORD_HINTS: dict[tuple[str, str], str] = {
    ("items", "array"): "write 'prefixItems' for a list of schemas, as draft 2020-12 has it",
    ("exclusiveMinimum", "boolean"): "write the number here, and leave 'minimum' out",
    ("exclusiveMaximum", "boolean"): "write the number here, and leave 'maximum' out",
    ("required", "boolean"): "list the required properties at the object around them",
}
"""What a keyword of former drafts is called now, by the JSON type that it had."""


def _format(_name: str, value: Any, details: dict[str, Any]) -> _Words:
    if details["format"] == "regex":
        return f"'{value}' is not a regular expression", "use the syntax of ECMA-262"
    return (
        f"'{value}' is not a valid {details['format']}",
        "RFC 3986 defines which characters an address may have",
    )


def _pattern(name: str, value: Any, _details: dict[str, Any]) -> _Words:
    address = "write an address without '#'; '$anchor' names a part"
    word = "begin with a letter or '_'; letters, digits, '-', '_' and '.' may follow"
    return f"'{value}' cannot be '{name}'", address if name == "$id" else word


_WORDS: dict[str, Callable[[str, Any, dict[str, Any]], _Words]] = {
    "type": _type,
    "format": _format,
    "pattern": _pattern,
    "propertyNames": lambda _name, _value, details: explain_schema_error(details["error"]),
    "minimum": lambda name, _value, details: (
        f"'{name}' is too small",
        f"write at least {details['limit']}",
    ),
    "exclusiveMinimum": lambda name, _value, details: (
        f"'{name}' is too small",
        f"write a number greater than {details['limit']}",
    ),
    "minItems": lambda name, _value, _details: (
        f"'{name}' is empty",
        "list at least one, or leave it out",
    ),
    "uniqueItems": lambda name, _value, _details: (
        f"'{name}' lists the same value twice",
        "remove one of the two",
    ),
}


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
