"""Reading of long texts: by msgspec, or by pydantic once the schema has validated the text.

Pydantic collects all errors. In lists and dictionaries it can stop at the first one, but it always
lists all names that a class forbids: 1.3 KB each, again for every member of a union. Each error has
a copy of its value (`error_copies`). So the schema validates a text with many names, or with many
possible copies, before pydantic reads it.

msgspec takes a fifth of the time of pydantic. Building models from the result (`model_builder`)
takes three times as long as the decoding; both together are faster than pydantic. msgspec accepts
fewer texts than pydantic, and gives the same result for them.
"""

import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

from msgspec import MsgspecError
from msgspec.json import Decoder

from scaffold.contract._fast_decode.absent_properties import limit_absent
from scaffold.contract._fast_decode.error_copies import max_error_copies
from scaffold.contract._fast_decode.struct_types import struct_type
from scaffold.contract._fast_decode.supported_schemas import UnsupportedSchema
from scaffold.contract._json import GC_PAUSE_BYTES, Json, without_gc
from scaffold.contract._unions.choice_guard import fail_fast_validator

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


MANY_NAMES: Final = 1 << 12
"""A text with at least this many colons, and perhaps names, is validated by the schema first."""

MAX_COPIES: Final = 8
"""Copies of a text that errors may hold: each takes as much as decoding the text once."""

MAX_COPIED_BYTES: Final = 1 << 20
"""Bytes of text that more copies than that may hold together."""

_COLON: Final = ord(":")
_CLOSED: Final = "'extra_fields_behavior': 'forbid'"


def long_text_reader(
    core_schema: Json,
    config: Any,
    by_alias: Callable[[Callable[..., T]], Callable[[bytes], T]],
    check: Callable[[bytes], None],
) -> Callable[[bytes], T]:
    """Return the reader of long texts for a type.

    Args:
        core_schema: The core schema that pydantic made of the type.
        config: The configuration for nodes outside of models.
        by_alias: Makes a reader of pydantic accept properties by their JSON names only.
        check: Raises the error for callers if the schema refuses a text.
    """
    whole = by_alias(fail_fast_validator(core_schema, config).validate_json)

    is_closed = _CLOSED in str(core_schema)
    copies = max_error_copies(core_schema)
    max_bytes = MAX_COPIED_BYTES // copies if copies > MAX_COPIES else sys.maxsize

    def judged(data: bytes) -> T:
        if len(data) > max_bytes or (is_closed and data.count(_COLON) >= MANY_NAMES):
            check(data)
        return whole(data)

    rest = judged if is_closed or copies > MAX_COPIES else whole
    read = limit_absent(core_schema, fast_decoder(core_schema, rest) or rest)
    read_at_leisure = without_gc(read)
    return lambda data: read(data) if len(data) < GC_PAUSE_BYTES else read_at_leisure(data)
