"""What a schema has against a value by itself, without the schemas of parts and members."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from scaffold.contract._json.types import Json, JsonObject, is_array, is_object
from scaffold.contract._validation.problems import Found, Path
from scaffold.contract._validation.short_values import excerpt, stand_in
from scaffold.contract._validation.subschemas import Compiled, Scope

__all__ = ["own"]

_ASSERTIONS: Final[Sequence[str]] = (
    *("type", "const", "enum"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    *("required", "dependentRequired", "pattern", "uniqueItems"),
)
"""Keywords that look at the value itself, in the order in which the validator does."""

CHUNK: Final = 500
"""Names of an object that are judged at once, and told of in one problem."""


def own(compiled: Compiled, scope: Scope, value: Json, path: Path, rule: str) -> Iterator[Found]:
    """Yield what the keywords of one schema object have against a value."""
    schema = scope.schema
    if not is_object(schema):
        write = compiled.says(False, value)
        yield Found(path, rule, "falseSchema", write)
        return
    keywords = [keyword for keyword in _ASSERTIONS if keyword in schema]
    if keywords and not compiled.validator(scope, *keywords).is_valid(value):
        for keyword in keywords:
            judge = compiled.validator(scope, keyword)
            if not judge.is_valid(value):
                yield from _broken(judge, keyword, schema[keyword], value, path)
    for keyword, tell in _OTHERS.items():
        if keyword in schema:
            yield from tell(compiled, scope, value, path)


def _broken(judge: Any, keyword: str, argument: Json, value: Json, path: Path) -> Iterator[Found]:
    """Tell of a keyword that a value breaks: what it lacks, name by name, or one message."""
    if keyword in _BY_NAME:
        yield from _told(judge, stand_in(keyword, argument, value), path)
    else:
        yield Found(path, keyword, keyword, lambda: _message(judge, keyword, argument, value))


def _message(judge: Any, keyword: str, argument: Json, value: Json) -> str:
    return str(next(judge.iter_errors(stand_in(keyword, argument, value))).message)


_BY_NAME: Final = ("required", "dependentRequired")


def _told(judge: Any, value: Json, path: Path) -> Iterator[Found]:
    """Yield the validator's own errors about a small value."""
    for error in judge.iter_errors(value):
        yield Found.of(error, path)


def _closed(compiled: Compiled, scope: Scope, value: Json, path: Path) -> Iterator[Found]:
    schema = scope.schema
    if schema["additionalProperties"] is not False or not is_object(value):
        return
    named = dict.fromkeys(schema.get("properties", {}), True)
    patterns = dict.fromkeys(schema.get("patternProperties", {}), True)
    closed = {"properties": named, "patternProperties": patterns, "additionalProperties": False}
    yield from _names(compiled.derived(scope, "closed", closed), value, path)


def _property_names(compiled: Compiled, scope: Scope, value: Json, path: Path) -> Iterator[Found]:
    if is_object(value):
        yield from _names(compiled.validator(scope, "propertyNames"), value, path)


def _names(judge: Any, value: JsonObject, path: Path) -> Iterator[Found]:
    """Tell what is wrong with the names of an object: with the first of them, if there are many."""
    if judge.is_valid(value):
        return
    short = excerpt(value)
    if len(short) == len(value):
        yield from _told(judge, short, path)
        return
    names = iter(value)
    while chunk := dict.fromkeys(islice(names, CHUNK)):
        if not judge.is_valid(chunk):
            yield from _told(judge, chunk, path)
            return


def _contains(compiled: Compiled, scope: Scope, value: Json, path: Path) -> Iterator[Found]:
    keywords = [key for key in ("contains", "minContains", "maxContains") if key in scope.schema]
    judge = compiled.validator(scope, *keywords)
    if is_array(value) and not judge.is_valid(value):
        short = excerpt(value)
        if judge.is_valid(short):
            yield Found(path, "contains", "contains", compiled.says({"contains": False}, short))
        else:
            yield from _told(judge, short, path)


def _not(compiled: Compiled, scope: Scope, value: Json, path: Path) -> Iterator[Found]:
    if not compiled.validator(scope, "not").is_valid(value):
        denied = compiled.says({"const": scope.schema["not"]}, _OTHER)
        found = compiled.says({"const": excerpt(value)}, _OTHER)
        yield Found(
            path, "not", "not", lambda: f"{_text(denied)} is not allowed for {_text(found)}"
        )


def _text(expected: Callable[[], str]) -> str:
    """Take the JSON text of a value out of the message that it was expected."""
    return expected().removesuffix(" was expected")


_OTHER: Final = "\0"
"""A value that is not what was expected."""


def _unevaluated(keyword: str) -> "_Tell":
    """Return what tells of parts that nothing has evaluated: a pass of the validator's own."""

    def tell(compiled: Compiled, scope: Scope, value: Json, path: Path) -> Iterator[Found]:
        judge = compiled.unevaluated(scope, keyword)
        if not judge.is_valid(value):
            yield from _told(judge, value, path)

    return tell


_Tell = Callable[[Compiled, Scope, Json, Path], Iterator[Found]]

_OTHERS: Final[Mapping[str, _Tell]] = {
    "additionalProperties": _closed,
    "propertyNames": _property_names,
    "contains": _contains,
    "not": _not,
    "unevaluatedProperties": _unevaluated("unevaluatedProperties"),
    "unevaluatedItems": _unevaluated("unevaluatedItems"),
}
