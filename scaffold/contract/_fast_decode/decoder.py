"""Long texts, of which msgspec makes objects in a fifth of the time that pydantic takes.

To fill those into models (`model_builder`) takes three times as long, and both
together less than pydantic does. msgspec accepts a part of what pydantic accepts, and makes the
same of it. What it refuses, for whatever reason, pydantic reads, which alone says what is wrong.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from msgspec import MsgspecError
from msgspec.json import Decoder

from scaffold.contract._fast_decode.struct_types import struct_type
from scaffold.contract._fast_decode.supported_schemas import UnsupportedSchema
from scaffold.contract._json.types import Json

__all__ = ["fast_decoder"]

T = TypeVar("T")


def fast_decoder(core_schema: Json, read: Callable[[bytes], T]) -> Callable[[bytes], T] | None:
    """Return what reads as `read` does, which is pydantic's reader of the schema, only faster.

    `None` if there is anything in the schema of which we do not know that msgspec does the same.
    """
    try:
        type_, fill, _ = struct_type(core_schema)
        decode = Decoder(type_).decode
    except _UNSUPPORTED:
        return None

    def load(data: bytes) -> Any:
        middle = len(data) // 2
        if data.count(_COMMA, middle, middle + _SAMPLE_BYTES) < MIN_COMMAS:
            return read(data)
        try:
            value = decode(data)
        except _REFUSED:
            return read(data)
        return value if fill is None else fill([value])[0]

    return load


_COMMA: Final = ord(",")

_SAMPLE_BYTES: Final = 512

MIN_COMMAS: Final = 16
"""Commas in so many bytes from the middle on: a text of long strings is read faster by pydantic."""

_UNSUPPORTED: Final = (UnsupportedSchema, TypeError, ValueError, OverflowError, RuntimeError)
"""Besides ours, what msgspec raises for a type that it cannot decode: a bound of 65 bits, say."""

_REFUSED: Final = (MsgspecError, ValueError, RecursionError)
