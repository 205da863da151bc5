"""What reads long texts: msgspec where it can, pydantic for the rest, the schema before pydantic.

Pydantic collects every error that it finds. In lists and maps it can be told to end at the first
one; the names that a closed class forbids it always lists, each at 1.3 KB, and again for every
member of a union. So the schema judges a text with many names before pydantic reads it.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from scaffold.contract._fast_decode.decoder import fast_decoder
from scaffold.contract._json.gc_pause import GC_PAUSE_BYTES, without_gc
from scaffold.contract._json.types import Json
from scaffold.contract._unions.guard import fail_fast_validator

__all__ = ["MANY_NAMES", "long_text_reader"]

T = TypeVar("T")

MANY_NAMES: Final = 1 << 12
"""Colons in a text from which on the schema judges it first: there may be as many names."""

_COLON: Final = ord(":")
_CLOSED: Final = "'extra_fields_behavior': 'forbid'"


def long_text_reader(
    core_schema: Json,
    config: Any,
    by_alias: Callable[[Callable[..., T]], Callable[[bytes], T]],
    check: Callable[[bytes], None],
) -> Callable[[bytes], T]:
    """Return what reads long texts of a type.

    Args:
        core_schema: what pydantic made of the type.
        config: what holds for nodes outside of models.
        by_alias: has a reader of pydantic's take properties by their JSON names only.
        check: raises what a caller is told of a text that the schema refuses.
    """
    whole = by_alias(fail_fast_validator(core_schema, config).validate_json)

    def judged(data: bytes) -> T:
        if data.count(_COLON) >= MANY_NAMES:
            check(data)
        return whole(data)

    rest = judged if _CLOSED in str(core_schema) else whole
    read = fast_decoder(core_schema, rest) or rest
    read_at_leisure = without_gc(read)
    return lambda data: read(data) if len(data) < GC_PAUSE_BYTES else read_at_leisure(data)
