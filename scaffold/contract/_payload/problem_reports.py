"""Why a payload is refused: the schema finds the problems, so they are alike in every runtime."""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, NoReturn

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from scaffold._concurrency.forks import CachedProperty
from scaffold.contract._errors.errors import InvalidInput, InvalidOutput
from scaffold.contract._errors.problems import (
    MAX_PROBLEMS,
    NO_OMITTED_PROBLEMS,
    OmittedProblems,
    Problem,
)
from scaffold.contract._json import Json, is_array, is_object, is_unicode, pointer, without_gc
from scaffold.contract._validation.validator import CompiledSchema


def lone_surrogates(value: Json) -> Iterator[Problem]:
    """Yield a problem for each string that cannot be written as UTF-8 (RFC 8259 §8.2), in order."""
    return _find(value, _is_not_unicode, "half a surrogate pair is not text")


def infinite_numbers(value: Json) -> Iterator[Problem]:
    """Yield a problem for each number that was too large to read, such as `1e400`, in order.

    A reader makes `inf` of it (RFC 8259 §6).
    """
    return _find(value, _is_infinite, "the number is out of range: it is beyond ±1.8e308")


def _find(value: Json, is_wrong: Callable[[Json], bool], message: str) -> Iterator[Problem]:
    pending: list[tuple[tuple[str | int, ...], Json]] = [((), value)]
    while pending:
        path, part = pending.pop()
        if is_object(part):
            pending += [((*path, name), inner) for name, inner in reversed(part.items())]
        elif is_array(part):
            indexes = range(len(part) - 1, -1, -1)
            pending += [((*path, index), part[index]) for index in indexes]
        elif is_wrong(part):
            yield Problem(pointer(path), "json", message)


def _is_not_unicode(value: Json) -> bool:
    return isinstance(value, str) and not is_unicode(value)


def _is_infinite(value: Json) -> bool:
    return isinstance(value, float) and math.isinf(value)


MAX_COUNTED_SURROGATES: Final = 1000
"""Strings with half a surrogate pair that are counted after those that are listed."""


class ProblemReports:
    """Raises the errors of one payload, and validates it against its whole schema.

    Args:
        hook: The name of the hook.
        error_class: What is raised.
        schema: Returns the schema of the payload.
    """

    def __init__(
        self,
        hook: str,
        error_class: type[InvalidInput] | type[InvalidOutput],
        schema: Callable[[], Json],
    ) -> None:
        self._hook = hook
        self._error_class = error_class
        self._schema = schema

    @CachedProperty
    def _compiled(self) -> CompiledSchema:
        return CompiledSchema(self._schema())

    @CachedProperty
    def accepts(self) -> Callable[[bytes], bool]:
        """Tells whether the schema accepts a text."""
        return self._compiled.judge()

    def check_text(self, data: bytes) -> None:
        """Raise if the schema refuses a text. The explanation is built only then."""
        if not self.accepts(data):
            self._check(self._parse(data))
            self._refuse([Problem("", "json", "a number is out of range")])

    def check_readable_text(self, data: bytes) -> None:
        """Raise if the schema refuses a text; a number out of range is left to the reader."""
        if not self.accepts(data):
            self._check(self._parse(data))

    def check_numbers(self, data: bytes) -> None:
        """Raise if a text has numbers that JSON does not have."""
        if b"NaN" in data or b"Infinity" in data:
            self._parse(data)

    def explain_text(self, data: bytes, error: ValidationError) -> NoReturn:
        """Raise for a text that pydantic refused."""
        self._check(self._parse(data))
        self._refuse(_problems(error))

    def explain_value(self, value: object, error: ValueError, python_type: object) -> NoReturn:
        """Raise for a Python value that could not be written as `python_type`."""
        try:
            plain = to_jsonable_python(value)
        except ValueError:
            message = f"a Python '{type(value).__name__}' is not a JSON value"
            self._refuse([Problem("", "type", message)])
        if isinstance(error, PydanticSerializationError):
            found = lone_surrogates(plain)
            if first := [*islice(found, MAX_PROBLEMS)]:
                more = sum(1 for _ in islice(found, MAX_COUNTED_SURROGATES))
                self._refuse(first, OmittedProblems(more, is_exact=more < MAX_COUNTED_SURROGATES))
        self._check(plain)
        if isinstance(error, ValidationError):
            self._refuse(_problems(error))
        expected = getattr(python_type, "__name__", str(python_type))
        message = f"expected '{expected}', found a Python '{type(value).__name__}'"
        self._refuse([Problem("", "type", message)])

    def _parse(self, data: bytes) -> Json:
        try:
            value = without_gc(from_json)(data, allow_inf_nan=False)
        except ValueError as error:
            self._refuse([Problem("", "json", str(error))])
        # `1e400` is JSON, and is read as infinity, for which the schema has misleading messages.
        if b"Infinity" in to_json(value, inf_nan_mode="constants"):
            first = [*islice(infinite_numbers(value), MAX_PROBLEMS)]
            if first:
                self._refuse(first)
        return value

    def _check(self, value: Json) -> None:
        if not self._compiled.accepts(value):
            self._refuse(*self._compiled.explain(value))

    def _refuse(
        self, problems: Iterable[Problem], rest: OmittedProblems = NO_OMITTED_PROBLEMS
    ) -> NoReturn:
        raise self._error_class(self._hook, problems, rest)


def _problems(error: ValidationError) -> Iterator[Problem]:
    for item in error.errors(include_url=False):
        yield Problem(pointer(item["loc"]), item["type"], item["msg"])
