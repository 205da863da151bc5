"""Reading of long texts: by msgspec if possible, else by pydantic, after the schema.

Pydantic collects all errors. In lists and dictionaries it can stop at the first one, but it always
lists all names that a class forbids: 1.3 KB each, again for every member of a union. So the schema
validates a text with many names before pydantic reads it.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from scaffold.contract._fast_decode.decoder import fast_decoder
from scaffold.contract._json.gc_pause import GC_PAUSE_BYTES, without_gc
from scaffold.contract._json.types import Json
from scaffold.contract._unions.guard import fail_fast_validator

T = TypeVar("T")

MANY_NAMES: Final = 1 << 12
"""A text with at least this many colons, and perhaps names, is validated by the schema first."""

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

    def judged(data: bytes) -> T:
        if data.count(_COLON) >= MANY_NAMES:
            check(data)
        return whole(data)

    rest = judged if _CLOSED in str(core_schema) else whole
    read = fast_decoder(core_schema, rest) or rest
    read_at_leisure = without_gc(read)
    return lambda data: read(data) if len(data) < GC_PAUSE_BYTES else read_at_leisure(data)
