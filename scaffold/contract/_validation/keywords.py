"""Violations of the keywords of one schema object, without its subschemas."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from scaffold.contract._json import Json, JsonObject, is_array, is_object
from scaffold.contract._validation.explanation_limits import excerpt, stand_in
from scaffold.contract._validation.subschemas import Scope, SubschemaValidators
from scaffold.contract._validation.violations import Path, Violation

_ASSERTIONS: Final[Sequence[str]] = (
    *("type", "const", "enum"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    *("required", "dependentRequired", "pattern", "uniqueItems"),
)
"""Keywords that assert the value itself, in the order of the validator."""

NAMES_PER_CHUNK: Final = 500
"""Property names that are validated together, and listed in one problem."""


def keyword_violations(
    compiled: SubschemaValidators, scope: Scope, value: Json, path: Path, rule: str
) -> Iterator[Violation]:
    """Yield the violations of the keywords of one schema object."""
    schema = scope.schema
    if not is_object(schema):
        write = compiled.says(False, value)
        yield Violation(path, rule, "falseSchema", write)
        return
    keywords = [keyword for keyword in _ASSERTIONS if keyword in schema]
    if keywords and not compiled.validator(scope, *keywords).is_valid(value):
        for keyword in keywords:
            judge = compiled.validator(scope, keyword)
            if not judge.is_valid(value):
                yield from _assertion_violations(judge, keyword, schema[keyword], value, path)
    for keyword, tell in _OTHER_KEYWORDS.items():
        if keyword in schema:
            yield from tell(compiled, scope, value, path)


def _assertion_violations(
    judge: Any, keyword: str, argument: Json, value: Json, path: Path
) -> Iterator[Violation]:
    """Yield the violations of one keyword: one for each missing name, or a single one."""
    if keyword in _BY_NAME:
        yield from _validator_errors(judge, stand_in(keyword, argument, value), path)
    else:
        yield Violation(path, keyword, keyword, lambda: _message(judge, keyword, argument, value))


def _message(judge: Any, keyword: str, argument: Json, value: Json) -> str:
    return str(next(judge.iter_errors(stand_in(keyword, argument, value))).message)


_BY_NAME: Final = ("required", "dependentRequired")


def _validator_errors(judge: Any, value: Json, path: Path) -> Iterator[Violation]:
    """Yield the errors of the validator for a small value."""
    for error in judge.iter_errors(value):
        yield Violation.of(error, path)


def _additional_properties(
    compiled: SubschemaValidators, scope: Scope, value: Json, path: Path
) -> Iterator[Violation]:
    schema = scope.schema
    if schema["additionalProperties"] is not False or not is_object(value):
        return
    named = dict.fromkeys(schema.get("properties", {}), True)
    patterns = dict.fromkeys(schema.get("patternProperties", {}), True)
    closed = {"properties": named, "patternProperties": patterns, "additionalProperties": False}
    yield from _name_violations(compiled.derived(scope, "closed", closed), value, path)


def _property_names(
    compiled: SubschemaValidators, scope: Scope, value: Json, path: Path
) -> Iterator[Violation]:
    if is_object(value):
        yield from _name_violations(compiled.validator(scope, "propertyNames"), value, path)


def _name_violations(judge: Any, value: JsonObject, path: Path) -> Iterator[Violation]:
    """Yield the violations of property names: of the first ones only, if there are many."""
    if judge.is_valid(value):
        return
    short = excerpt(value)
    if len(short) == len(value):
        yield from _validator_errors(judge, short, path)
        return
    names = iter(value)
    while chunk := dict.fromkeys(islice(names, NAMES_PER_CHUNK)):
        if not judge.is_valid(chunk):
            yield from _validator_errors(judge, chunk, path)
            return


def _contains(
    compiled: SubschemaValidators, scope: Scope, value: Json, path: Path
) -> Iterator[Violation]:
    keywords = [key for key in ("contains", "minContains", "maxContains") if key in scope.schema]
    judge = compiled.validator(scope, *keywords)
    if is_array(value) and not judge.is_valid(value):
        short = excerpt(value)
        if judge.is_valid(short):
            yield Violation(path, "contains", "contains", compiled.says({"contains": False}, short))
        else:
            yield from _validator_errors(judge, short, path)


def _not(
    compiled: SubschemaValidators, scope: Scope, value: Json, path: Path
) -> Iterator[Violation]:
    if not compiled.validator(scope, "not").is_valid(value):
        denied = compiled.says({"const": scope.schema["not"]}, _UNEXPECTED_VALUE)
        found = compiled.says({"const": excerpt(value)}, _UNEXPECTED_VALUE)
        yield Violation(
            path, "not", "not", lambda: f"{_text(denied)} is not allowed for {_text(found)}"
        )


def _text(expected: Callable[[], str]) -> str:
    """Extract the JSON text of a value from the message that it was expected."""
    return expected().removesuffix(" was expected")


_UNEXPECTED_VALUE: Final = "\0"
"""A value that no schema expects."""


def _unevaluated(keyword: str) -> "_KeywordCheck":
    """Return the check of parts that no keyword has evaluated, by the validator itself."""

    def tell(
        compiled: SubschemaValidators, scope: Scope, value: Json, path: Path
    ) -> Iterator[Violation]:
        judge = compiled.unevaluated(scope, keyword)
        if not judge.is_valid(value):
            yield from _validator_errors(judge, value, path)

    return tell


_KeywordCheck = Callable[[SubschemaValidators, Scope, Json, Path], Iterator[Violation]]

_OTHER_KEYWORDS: Final[Mapping[str, _KeywordCheck]] = {
    "additionalProperties": _additional_properties,
    "propertyNames": _property_names,
    "contains": _contains,
    "not": _not,
    "unevaluatedProperties": _unevaluated("unevaluatedProperties"),
    "unevaluatedItems": _unevaluated("unevaluatedItems"),
}
