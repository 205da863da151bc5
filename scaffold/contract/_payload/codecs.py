"""Functions that read and write payloads as JSON text: one for each form that a payload can have.

A type is *trusted* if it enforces its whole schema. Other payloads are *checked*: the schema
validates their text as well. All functions are closures, because each call counts and variables are
read faster than attributes.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar

from pydantic import ValidationError

from scaffold.contract._payload.problem_reports import ProblemReports
from scaffold.contract._payload.typed_json import TypedJson

T = TypeVar("T")

Load: TypeAlias = Callable[[bytes], T]
Dump: TypeAlias = Callable[[T], bytes]
Accepts: TypeAlias = Callable[[bytes], bool]

LONG_TEXT_BYTES: Final = 1 << 11
"""Texts of at least this many bytes are read by msgspec, which is then faster."""

NON_FINITE_CAPITALS: Final = b"NI"
"""The capitals of `NaN` and `Infinity`, which pydantic accepts and JSON does not.

A text without these capitals, as most are, needs no second look. They are used as integers:
`78 in data` is five times as fast as `b"N" in data`.
"""
_N, _I = NON_FINITE_CAPITALS


def empty_loader(reports: ProblemReports) -> Load[Any]:
    """Return what reads the empty object as `None`."""

    def load(data: bytes) -> Any:
        if data != b"{}":
            reports.check_text(data)

    return load


def dump_empty(_value: object) -> bytes:
    """Write the empty object."""
    return b"{}"


def trusted_loader(typed: TypedJson[T], reports: ProblemReports) -> Load[T]:
    """Return what reads a payload whose type enforces the schema."""
    read = typed.read

    def load(data: bytes) -> T:
        if _N in data or _I in data:
            reports.check_numbers(data)
        try:
            return read(data) if len(data) < LONG_TEXT_BYTES else typed.read_long(data)
        except ValidationError as error:
            reports.explain_text(data, error)

    return load


def checked_loader(
    typed: TypedJson[T], reports: ProblemReports, compile_check: Callable[[], Accepts]
) -> Load[T]:
    """Return what reads a payload, and validates its text by what `compile_check` returns."""
    read = typed.read
    accepts: Accepts | None = None

    def load(data: bytes) -> T:
        nonlocal accepts
        try:
            value = read(data) if len(data) < LONG_TEXT_BYTES else typed.read_long(data)
        except ValidationError as error:
            reports.explain_text(data, error)
        accepts = accepts or compile_check()
        if not accepts(data):
            reports.check_text(data)
        return value

    return load


def trusted_dumper(typed: TypedJson[T], reports: ProblemReports, load: Load[T]) -> Dump[T]:
    """Return what writes instances of a class, which were validated when they were made."""
    write, python_class, sparse = typed.write, typed.python_class, typed.is_sparse

    def dump(value: T) -> bytes:
        if type(value) is not python_class:
            return _dump_other(value, typed, reports, load)
        try:
            data = write(value, exclude_unset=True) if sparse else write(value)
        except ValueError as error:
            reports.explain_value(value, error, typed.python_type)
        if _N in data or _I in data:
            reports.check_numbers(data)
        return data

    return dump


def checked_dumper(
    typed: TypedJson[T],
    reports: ProblemReports,
    load: Load[T],
    compile_check: Callable[[], Accepts],
) -> Dump[T]:
    """Return what writes instances of a class, and validates the text."""
    write, python_class, sparse = typed.write, typed.python_class, typed.is_sparse
    accepts: Accepts | None = None

    def dump(value: T) -> bytes:
        nonlocal accepts
        if type(value) is not python_class:
            return _dump_other(value, typed, reports, load)
        try:
            data = write(value, exclude_unset=sparse, warnings=False)
        except ValueError as error:
            reports.explain_value(value, error, typed.python_type)
        accepts = accepts or compile_check()
        if not accepts(data):
            reports.check_text(data)
        return data

    return dump


def type_dumper(
    typed: TypedJson[T], reports: ProblemReports, compile_check: Callable[[], Accepts] | None
) -> Dump[T]:
    """Return what writes values of a type that is not a class: a list, a union, any JSON value.

    `compile_check` is `None` for a trusted type.
    """

    def dump(value: T) -> bytes:
        try:
            typed.check(value)
            data = typed.write(value, exclude_unset=typed.is_sparse, warnings="error")
        except ValueError as error:
            reports.explain_value(value, error, typed.python_type)
        if compile_check is None:
            reports.check_numbers(data)
        elif not compile_check()(data):
            reports.check_text(data)
        return data

    return dump


def _dump_other(value: T, typed: TypedJson[T], reports: ProblemReports, load: Load[T]) -> bytes:
    """Write an instance of another class. The text is read back to validate it."""
    try:
        data = typed.write(value, exclude_unset=typed.is_sparse, warnings="error")
    except ValueError as error:
        reports.explain_value(value, error, typed.python_type)
    load(data)
    return data
