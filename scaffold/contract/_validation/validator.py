"""Compiled JSON Schemas, which decide whether a payload is valid.

The compiler is imported when the first schema is compiled: a plugin whose models enforce
everything never needs it.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from scaffold._concurrency.forks import CachedProperty
from scaffold._concurrency.safe_imports import import_safely
from scaffold._validators import Validator, compile_in_own_draft
from scaffold.contract._errors.problems import Problem
from scaffold.contract._json import GC_PAUSE_BYTES, Json, without_gc

if TYPE_CHECKING:
    from scaffold.contract._validation.explanation import Explanation
    from scaffold.contract._validation.subschemas import SubschemaValidators


class CompiledSchema:
    """A JSON Schema, 2020-12 unless its `$schema` says otherwise; `format` is an annotation.

    References outside the document are refused, never fetched.
    """

    def __init__(self, document: Json) -> None:
        self.document = document

    @CachedProperty
    def _validator(self) -> Validator:
        import_safely("jsonschema_rs")
        return compile_in_own_draft(self.document)

    @CachedProperty
    def _compiled(self) -> "SubschemaValidators":
        import_safely("scaffold.contract._validation.subschemas")
        from scaffold.contract._validation.subschemas import SubschemaValidators

        return SubschemaValidators(self.document)

    def accepts(self, value: Json) -> bool:
        """Return whether a value is valid."""
        return self._validator.is_valid(value)

    def judge(self, form: Any = Any) -> Callable[[bytes], bool]:
        """Return a function that returns whether a JSON text is valid; malformed text is not.

        Args:
            form: The type by which msgspec decodes all parts that the schema reads.
        """
        import_safely("msgspec.json")
        from msgspec import MsgspecError
        from msgspec.json import Decoder

        # msgspec decodes a text in two thirds of the time of pydantic.
        decode, is_valid = Decoder[Json](form).decode, self._validator.is_valid
        decode_long = without_gc(decode)

        def accepts(text: bytes) -> bool:
            try:
                return is_valid(decode(text) if len(text) < GC_PAUSE_BYTES else decode_long(text))
            except (MsgspecError, ValueError, RecursionError):
                return False

        return accepts

    def explain(self, value: Json, prefix: str = "") -> "Explanation":
        """Explain why a value is invalid; `prefix` is the pointer to it in its payload."""
        import_safely("scaffold.contract._validation.explanation")
        from scaffold.contract._validation.explanation import explain

        return explain(self._compiled, value, prefix)

    def problems(self, value: Json) -> Iterator[Problem]:
        """Yield the first 100 problems of a value."""
        yield from self.explain(value).problems
