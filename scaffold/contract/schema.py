"""JSON Schema, compiled: the last word on what a payload may be.

The compiler is imported when the first schema is compiled: a plugin whose models enforce
everything never pays for it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from scaffold.contract.collector import LONG, unhurried
from scaffold.contract.errors import Problem
from scaffold.contract.unions import inside
from scaffold.contract.values import Json
from scaffold.validators import Validator, declared_validator

__all__ = ["Schema", "pointer"]

LONGEST = 400
"""Characters of a message: a caller has the value, and its pointer."""


class Schema:
    """A JSON Schema, 2020-12 unless its `$schema` says otherwise; `format` is an annotation.

    References outside the document are refused, never fetched.
    """

    def __init__(self, document: Json) -> None:
        self.document = document

    @cached_property
    def _validator(self) -> Validator:
        return declared_validator(self.document)

    def accepts(self, value: Json) -> bool:
        """Tell whether the value is valid."""
        return self._validator.is_valid(value)

    def judge(self, form: Any = Any) -> Callable[[bytes], bool]:
        """Return what tells whether a JSON text is valid; one that cannot be read is not.

        `form` is a type that msgspec decodes, of all that the schema looks at.
        """
        from msgspec import MsgspecError
        from msgspec.json import Decoder

        # msgspec makes objects of a text in two thirds of the time that pydantic takes.
        decode, is_valid = Decoder[Json](form).decode, self._validator.is_valid
        decode_long = unhurried(decode)

        def accepts(text: bytes) -> bool:
            try:
                return is_valid(decode(text) if len(text) < LONG else decode_long(text))
            except (MsgspecError, ValueError, RecursionError):
                return False

        return accepts

    def problems(self, value: Json, prefix: str = "") -> Iterator[Problem]:
        """Yield what is wrong with the value; `prefix` is the pointer to it in its payload."""
        for error in self._validator.iter_errors(value):
            for each in (error, *inside(error)):
                path = prefix + pointer(each.instance_path)
                yield Problem(path, _rule(each.schema_path), _shortened(each.message))


def pointer(path: Iterable[str | int]) -> str:
    """Write a path as JSON Pointer (RFC 6901)."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return "".join(f"/{part}" for part in parts)


def _shortened(message: str) -> str:
    """Cut the value out of a message that repeats all of it; the reason stands behind."""
    if len(message) <= LONGEST:
        return message
    return f"{message[: LONGEST // 4]}…{message[-LONGEST // 2 :]}"


def _rule(path: Sequence[str | int]) -> str:
    """Return the keyword at the end of a schema path: `false` has none of its own."""
    if not path:
        return "false"
    in_a_place = isinstance(path[-1], int) or path[-2:-1] in _PLACES
    return str(path[-2] if in_a_place else path[-1])


_PLACES = (["properties"], ["patternProperties"], ["dependentSchemas"], ["$defs"])
"""Keywords that hold schemas by name: the name is no rule."""
