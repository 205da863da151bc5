"""JSON values: their Python types, as JSON Schema 2020-12 defines them, and how they are read."""

import gc
import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Generic,
    ParamSpec,
    Self,
    TypeAlias,
    TypeGuard,
    TypeVar,
    overload,
)

from pydantic import GetCoreSchemaHandler, GetPydanticSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

P = ParamSpec("P")
T = TypeVar("T")


def _validate_json(value: Any, level: int = 0) -> Any:
    """Return the value unchanged; raise if it is not a JSON value."""
    if isinstance(value, str):
        if value.isascii() or is_unicode(value):
            return value
        raise PydanticCustomError("json", "half a surrogate pair is not text")
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    parts: Iterable[Any]
    if is_object(value) and _are_strings(value):
        parts = value.values()
    elif is_array(value):
        parts = value
    else:
        raise PydanticCustomError(
            "json", "{value} is not a JSON value", {"value": _describe(value)}
        )
    if level == MAX_DEPTH:
        raise PydanticCustomError("json", "there are more than {most} levels", {"most": MAX_DEPTH})
    for part in parts:
        _validate_json(part, level + 1)
    return value  # not a copy


def _are_strings(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


MAX_DEPTH = 200
"""Nesting levels of a payload; pydantic reads no more of JSON either."""


def is_unicode(text: str) -> bool:
    """Return whether a string has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _describe(value: object) -> str:
    if isinstance(value, float):
        return str(value)
    if isinstance(value, dict):
        return "an object whose keys are not text"
    return f"a Python '{type(value).__name__}'"


def _json_schema(_source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
    anything = core_schema.any_schema()
    # A value from JSON text is valid by itself: only values from Python code are checked.
    return core_schema.json_or_python_schema(
        anything, core_schema.no_info_after_validator_function(_validate_json, anything)
    )


Json: TypeAlias = Annotated[Any, GetPydanticSchema(_json_schema)]
"""Any JSON value. A recursive alias would be exact, but callers would have to cast everything."""

JsonObject: TypeAlias = dict[str, Json]
"""A JSON object: values by name."""


def _float_to_int(value: float) -> int:
    if not value.is_integer():
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    # By its digits: beyond 2**53, `int(1e23)` is not the number that was written.
    return int(value) if abs(value) < _MAX_EXACT_FLOAT else int(Decimal(repr(value)))


_MAX_EXACT_FLOAT = float(2**53)


def _integer_schema(_source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
    whole_float = core_schema.no_info_after_validator_function(
        _float_to_int, core_schema.float_schema(strict=True, allow_inf_nan=False)
    )
    return core_schema.union_schema(
        [core_schema.int_schema(strict=True), whole_float],
        mode="left_to_right",
        serialization=_WRITE_AS_IS,
        metadata={JSON_TYPE: "integer"},
    )


def _number_schema(_source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
    return core_schema.union_schema(
        [
            core_schema.int_schema(strict=True),
            core_schema.float_schema(strict=True, allow_inf_nan=False),
        ],
        mode="left_to_right",
        serialization=_WRITE_AS_IS,
        metadata={JSON_TYPE: "number"},
    )


_WRITE_AS_IS = core_schema.simple_ser_schema("any")
"""Writes a number by its own type: trying the members of the union takes twice as long."""

JSON_TYPE: Final = "json_type"
"""The key in the metadata of a core schema that identifies `Integer` and `Number`."""


def _without_null(source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
    schema = handler(source)
    return schema["schema"] if schema["type"] == "nullable" else schema


Integer = Annotated[int, GetPydanticSchema(_integer_schema)]
"""An integer of JSON Schema: `1.0` is one (JSON Schema 2020-12 §6.1.1), `true` is not."""

Number = Annotated[float, GetPydanticSchema(_number_schema)]
"""A number that keeps integers of any length exact."""

if TYPE_CHECKING:

    class Maybe(Generic[T]):
        """A property that may be absent, and then reads as `None`; in JSON it is never `null`.

        A type checker reads it as `T | None` and lets it be set to `T` only.
        """

        @overload
        def __get__(self, holder: None, owner: type, /) -> Self: ...
        @overload
        def __get__(self, holder: object, owner: type, /) -> T | None: ...
        def __get__(self, holder: object | None, owner: type, /) -> Self | T | None: ...
        def __set__(self, holder: object, value: T, /) -> None: ...
else:
    Maybe = Annotated[T | None, GetPydanticSchema(_without_null)]

ABSENT: Any = None
"""The default of `Maybe` properties. Do not assign it: an absent property is one that is unset."""


def is_object(value: Json) -> TypeGuard[JsonObject]:
    """Return whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: Json) -> TypeGuard[list[Json]]:
    """Return whether a JSON value is an array."""
    return isinstance(value, list)


def pointer(path: Iterable[str | int]) -> str:
    """Return a path as a JSON Pointer (RFC 6901): `pointer(["a/b", 0])` is `/a~1b/0`."""
    return "".join(map(pointer_step, path))


def pointer_step(part: str | int) -> str:
    """Return one step of a JSON Pointer, escaped."""
    return "/" + str(part).replace("~", "~0").replace("/", "~1")


GC_PAUSE_BYTES: Final = 1 << 14
"""Texts of at least this many bytes are read in a pause of the garbage collector.

Every object that a reader builds counts towards the next collection. So the collector runs many
times during one long text, and finds no garbage. Without it a megabyte is read in half the time.
"""


def without_gc(read: Callable[P, T]) -> Callable[P, T]:
    """Return a reader that pauses the cyclic garbage collector.

    A reader builds a tree, which has no cycles to collect. The collector looks at it once, after
    the pause. Threads share one collector: a reader that finds it off leaves it off. If the reader
    that paused it ends first, the others go on with the collector on, which only costs time.
    """

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if not gc.isenabled():
            return read(*args, **kwargs)
        gc.disable()
        try:
            return read(*args, **kwargs)
        finally:
            gc.enable()

    return call
