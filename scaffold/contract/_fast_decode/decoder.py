"""Decoding of long texts by msgspec, which takes a fifth of the time of pydantic.

Building models from the result (`model_builder`) takes three times as long as the decoding; both
together are faster than pydantic. msgspec accepts fewer texts than pydantic, and gives the same
result for them. Every text that it refuses is read by pydantic, which reports the errors.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from msgspec import MsgspecError
from msgspec.json import Decoder

from scaffold.contract._fast_decode.struct_types import struct_type
from scaffold.contract._fast_decode.supported_schemas import UnsupportedSchema
from scaffold.contract._json.types import Json

T = TypeVar("T")


def fast_decoder(core_schema: Json, read: Callable[[bytes], T]) -> Callable[[bytes], T] | None:
    """Return a faster function with the same results as `read`; `None` if there is none.

    Args:
        core_schema: The core schema that pydantic made of the type.
        read: The reader of pydantic for it.
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
"""Commas in `_SAMPLE_BYTES` from the middle. With fewer, strings are long: pydantic is faster."""

_UNSUPPORTED: Final = (UnsupportedSchema, TypeError, ValueError, OverflowError, RuntimeError)
"""Also what msgspec raises for a type that it cannot decode, for example a bound of 65 bits."""

_REFUSED: Final = (MsgspecError, ValueError, RecursionError)
