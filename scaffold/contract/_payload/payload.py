"""One payload of a hook: reading it from JSON, writing it as JSON, and validating both.

A model that enforces its whole schema is trusted. All other payloads are validated by the compiled
schema as well. The problems in an error always come from the schema, so that they are the same in
every runtime.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Final, Generic, NoReturn, TypeVar, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from scaffold._concurrency.forks import CachedProperty
from scaffold._concurrency.safe_imports import import_safely
from scaffold.contract._errors.errors import InvalidInput, InvalidOutput
from scaffold.contract._errors.problems import (
    MAX_PROBLEMS,
    NO_OMITTED_PROBLEMS,
    OmittedProblems,
    Problem,
)
from scaffold.contract._json import Json, pointer, without_gc
from scaffold.contract._payload.model import Model, colliding_names, separate_collisions
from scaffold.contract._payload.unrepresentable import infinite_numbers, lone_surrogates
from scaffold.contract._unions.cost import costly_unions, may_have_unions
from scaffold.contract._validation.validator import CompiledSchema

T = TypeVar("T")


class Payload(Generic[T]):
    """The input or the output of one hook.

    Args:
        hook: The name of the hook, for errors.
        python_type: The type of its values; `None` stands for the empty object.
        exact: True if the type does not enforce the whole schema, so that the schema is asked too.
        error_class: What is raised for an invalid payload.
        schema: Returns the schema; it is called when it is needed.
        residual: Returns the part of the schema that the type does not enforce, or `None`.
    """

    def __init__(
        self,
        hook: str,
        python_type: Any,
        *,
        exact: bool,
        error_class: type[InvalidInput] | type[InvalidOutput],
        schema: Callable[[], Json],
        residual: Callable[[], Json] = lambda: None,
    ) -> None:
        self.hook = hook
        self.python_type = python_type
        self.exact = exact
        self._error_class = error_class
        self._schema = schema
        self._residual = residual
        self._class = (
            python_type
            if isinstance(python_type, type) and get_origin(python_type) is None
            else None
        )

    @CachedProperty
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.python_type, config=None if self._is_model else Model.model_config)

    @property
    def _is_model(self) -> bool:
        return self._class is not None and issubclass(self._class, BaseModel)

    @CachedProperty
    def _core(self) -> tuple[Any, Any]:
        """The validator and the serializer of the type: those of its class, or of the adapter."""
        adapter = self._adapter
        if self._is_crowded and not self._is_model:
            import_safely("scaffold.contract._unions.guard")
            from scaffold.contract._unions.guard import linear_union_codec

            guarded = linear_union_codec(adapter.core_schema, self._config)
            if guarded is not None:
                return guarded
        return adapter.validator, adapter.serializer

    @CachedProperty
    def _is_crowded(self) -> bool:
        """True if the type has unions that are read by the member that fits best.

        They are written without a check of their members, so the schema validates the result.
        """
        core_schema = self._adapter.core_schema
        return may_have_unions(core_schema) and bool(costly_unions(core_schema))

    @CachedProperty
    def _write(self) -> Callable[..., bytes]:
        # `dump_json` and `validate_json` of the adapter take twice as long as the calls below them.
        write: Callable[..., bytes] = self._core[1].to_json
        return write

    @CachedProperty
    def _sparse(self) -> bool:
        """True if a property can be unset, so that it must be left out: that takes longer."""
        return "'type': 'default'" in str(self._adapter.core_schema)

    @CachedProperty
    def _read(self) -> Callable[[bytes], T]:
        return self._by_alias(self._core[0].validate_json)

    def _by_alias(self, read: Callable[..., T]) -> Callable[[bytes], T]:
        if "'validation_alias'" not in str(self._adapter.core_schema):
            return read
        # In JSON, a property is accepted by its own name only, not by its name in Python.
        by_alias: Callable[[bytes], T] = partial(read, by_name=False)
        names = colliding_names(self._adapter.core_schema)
        return separate_collisions(by_alias, names) if names else by_alias

    @CachedProperty
    def _read_long(self) -> Callable[[bytes], T]:
        """Reads texts of `LONG_TEXT_BYTES` or more. It is built at the first such text."""
        import_safely("scaffold.contract._fast_decode.long_texts")
        from scaffold.contract._fast_decode.long_texts import long_text_reader

        return long_text_reader(
            self._adapter.core_schema, self._config, self._by_alias, self._check_by_schema
        )

    @property
    def _config(self) -> Any:
        """The configuration for the parts of the type that are outside of models."""
        return None if self._is_model else Model.__pydantic_core_schema__.get("config")

    @CachedProperty
    def _take(self) -> Callable[[T], T]:
        import_safely("scaffold.contract._unions.guard")
        from scaffold.contract._unions.guard import fail_fast_validator

        take: Callable[[T], T] = fail_fast_validator(
            self._adapter.core_schema, self._config
        ).validate_python
        return take

    @CachedProperty
    def _compiled(self) -> CompiledSchema:
        return CompiledSchema(self._schema())

    @CachedProperty
    def _accepts(self) -> Callable[[bytes], bool]:
        """Validates a text that the model accepts. Only a refused text is validated in full."""
        import_safely("scaffold.contract._payload.partial_decoder")
        from scaffold.contract._payload.partial_decoder import partial_type

        residual = None if self.python_type is Json else self._residual()
        if residual is None:
            return self._accepts_by_itself
        return CompiledSchema(residual).judge(partial_type(residual))

    @CachedProperty
    def _accepts_by_itself(self) -> Callable[[bytes], bool]:
        return self._compiled.judge()

    @property
    def schema(self) -> Json:
        """The JSON Schema 2020-12 of the payload, self-contained."""
        return self._schema()

    def load(self, data: bytes | str) -> T:
        """Read a payload from JSON text.

        Raises:
            InvalidInput, InvalidOutput: The text is not JSON, or breaks the schema.
        """
        return self.loader(data if isinstance(data, bytes) else _encode(data))

    def dump(self, value: T) -> bytes:
        """Write a payload as compact JSON; raise what `load` raises if it is not valid.

        An instance of the payload's own class was validated when it was made, and is trusted, as it
        is in process. If an attribute was later set to a value of another type, pydantic warns. If
        the schema has to validate the payload anyway, it refuses such a value.
        """
        return self.dumper(value)

    @CachedProperty
    def loader(self) -> Callable[[bytes], T]:
        """The function behind `load`, for callers that read many texts; it takes bytes only."""
        if self.python_type is None:
            return self._read_nothing
        return (self._exact_reader if self.exact else self._plain_reader)(self._read)

    @CachedProperty
    def short_loader(self) -> Callable[[bytes], T]:
        """What `loader` does for a short text, without an explanation of what is wrong.

        The text has fewer than `LONG_TEXT_BYTES` and none of the `NON_FINITE_CAPITALS`. Raises what
        `loader` raises, or any `ValueError`.
        """
        return self.loader if self.exact or self.python_type is None else self._read

    def _plain_reader(self, read: Callable[[bytes], T]) -> Callable[[bytes], T]:
        def load(data: bytes) -> T:
            if _N in data or _I in data:
                self._refuse_no_number(data)
            try:
                return read(data) if len(data) < LONG_TEXT_BYTES else self._read_long(data)
            except ValidationError as error:
                self._explain(data, error)

        return load

    def _exact_reader(self, read: Callable[[bytes], T]) -> Callable[[bytes], T]:
        accepts: Callable[[bytes], bool] | None = None

        def load(data: bytes) -> T:
            nonlocal accepts
            try:
                value = read(data) if len(data) < LONG_TEXT_BYTES else self._read_long(data)
            except ValidationError as error:
                self._explain(data, error)
            accepts = accepts or self._accepts  # compiled when it is needed first
            if not accepts(data):
                self._check_text(data)
            return value

        return load

    def _read_nothing(self, data: bytes) -> Any:
        if data != b"{}":
            self._check_text(data)

    @CachedProperty
    def dumper(self) -> Callable[[T], bytes]:
        """The function behind `dump`, for callers that write many values."""
        if self.python_type is None:
            return lambda _value: b"{}"
        if self._class is None:
            return self._write_form
        judged = self.exact or self._is_crowded
        return (self._exact_writer if judged else self._plain_writer)(self._write, self._class)

    def _plain_writer(self, write: Callable[..., bytes], form: type) -> Callable[[T], bytes]:
        sparse = self._sparse

        def dump(value: T) -> bytes:
            if type(value) is not form:
                return self._write_other(value)
            try:
                data = write(value, exclude_unset=True) if sparse else write(value)
            except ValueError as error:
                self._explain_value(value, error)
            if _N in data or _I in data:
                self._refuse_no_number(data)
            return data

        return dump

    def _exact_writer(self, write: Callable[..., bytes], form: type) -> Callable[[T], bytes]:
        sparse = self._sparse
        accepts: Callable[[bytes], bool] | None = None

        def dump(value: T) -> bytes:
            nonlocal accepts
            if type(value) is not form:
                return self._write_other(value)
            try:
                data = write(value, exclude_unset=sparse, warnings=False)
            except ValueError as error:
                self._explain_value(value, error)
            accepts = accepts or self._accepts
            if not accepts(data):
                self._check_text(data)
            return data

        return dump

    def _write_form(self, value: T) -> bytes:
        """Write a value whose type is not a class: a list, a union, any JSON value."""
        try:
            self._take(value)
            data = self._write(value, exclude_unset=self._sparse, warnings="error")
        except ValueError as error:
            self._explain_value(value, error)
        if not (self.exact or self._is_crowded):
            self._refuse_no_number(data)
        elif not self._accepts(data):
            self._check_text(data)
        return data

    def _write_other(self, value: T) -> bytes:
        """Write an instance of another class. The text is read back to validate it."""
        try:
            data = self._write(value, exclude_unset=self._sparse, warnings="error")
        except ValueError as error:
            self._explain_value(value, error)
        self.loader(data)
        return data

    def convert(self, value: T, other: "Payload[Any]") -> T:
        """Convert a value of `other`, which is the same payload in other bindings.

        An instance of this payload's own class is returned unchanged. Other values are written as
        JSON and read again.
        """
        if type(value) is self._class:
            if self.exact:
                self.dump(value)
            return value
        if self.python_type is None and value is None:
            return value
        return self.load(other.dump(value))

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

    def _refuse_no_number(self, data: bytes) -> None:
        if b"NaN" in data or b"Infinity" in data:
            self._parse(data)

    def _check_by_schema(self, data: bytes) -> None:
        """Raise if the schema refuses a text; a number out of range is left to the reader."""
        if not self._accepts_by_itself(data):
            self._check(self._parse(data))

    def _check_text(self, data: bytes) -> None:
        """Raise if the whole schema refuses a text. The explanation is built only then."""
        if not self._accepts_by_itself(data):
            self._check(self._parse(data))
            self._refuse([Problem("", "json", "a number is out of range")])

    def _check(self, value: Json) -> None:
        if not self._compiled.accepts(value):
            self._refuse(*self._compiled.explain(value))

    def _explain(self, data: bytes, error: ValidationError) -> NoReturn:
        self._check(self._parse(data))
        self._refuse(_problems(error))

    def _explain_value(self, value: object, error: ValueError) -> NoReturn:
        """Raise the problems of a Python value that could not be written."""
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
        expected = getattr(self.python_type, "__name__", str(self.python_type))
        message = f"expected '{expected}', found a Python '{type(value).__name__}'"
        self._refuse([Problem("", "type", message)])

    def _refuse(
        self, problems: Iterable[Problem], rest: OmittedProblems = NO_OMITTED_PROBLEMS
    ) -> NoReturn:
        raise self._error_class(self.hook, problems, rest)


def _problems(error: ValidationError) -> Iterator[Problem]:
    for item in error.errors(include_url=False):
        yield Problem(pointer(item["loc"]), item["type"], item["msg"])


def _encode(text: str) -> bytes:
    # As bytes: pydantic raises another kind of error for half a surrogate pair in a `str`.
    return text.encode("utf-8", "surrogatepass")


LONG_TEXT_BYTES: Final = 1 << 11
"""Texts of at least this many bytes are read by msgspec, which is then faster."""

MAX_COUNTED_SURROGATES: Final = 1000
"""Strings with half a surrogate pair that are counted after those that are listed."""

NON_FINITE_CAPITALS: Final = b"NI"
"""The capitals of `NaN` and `Infinity`, which pydantic accepts and JSON does not.

A text without these capitals, as most are, needs no second look. They are used as integers:
`78 in data` is five times as fast as `b"N" in data`.
"""
_N, _I = NON_FINITE_CAPITALS
