"""Reading and writing one Python type as JSON, by pydantic and, for long texts, by msgspec."""

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar, get_origin

from pydantic import BaseModel, TypeAdapter

from scaffold._concurrency.forks import CachedProperty
from scaffold._concurrency.safe_imports import import_safely
from scaffold.contract._payload.model import Model, colliding_names, separate_collisions
from scaffold.contract._unions.cost import costly_unions, may_have_unions

T = TypeVar("T")


class TypedJson(Generic[T]):
    """The functions that read and write one type. Each is built when it is first needed.

    Args:
        python_type: A class, or another type such as a list or a union.
        check_by_schema: Raises if the schema refuses a text; long texts may need it.
    """

    def __init__(self, python_type: Any, check_by_schema: Callable[[bytes], None]) -> None:
        self.python_type = python_type
        self.python_class: Any = (
            python_type
            if isinstance(python_type, type) and get_origin(python_type) is None
            else None
        )
        """The type if it is a class, otherwise `None`."""
        self._check_by_schema = check_by_schema

    @CachedProperty
    def adapter(self) -> TypeAdapter[Any]:
        """What pydantic knows of the type."""
        return TypeAdapter(self.python_type, config=None if self.is_model else Model.model_config)

    @property
    def is_model(self) -> bool:
        """True for a class of pydantic."""
        return self.python_class is not None and issubclass(self.python_class, BaseModel)

    @property
    def _config(self) -> Any:
        """The configuration for the parts of the type that are outside of models."""
        return None if self.is_model else Model.__pydantic_core_schema__.get("config")

    @CachedProperty
    def _core(self) -> tuple[Any, Any]:
        """The validator and the serializer of the type: those of its class, or of the adapter."""
        adapter = self.adapter
        if self.is_crowded and not self.is_model:
            import_safely("scaffold.contract._unions.choice_guard")
            from scaffold.contract._unions.choice_guard import linear_union_codec

            guarded = linear_union_codec(adapter.core_schema, self._config)
            if guarded is not None:
                return guarded
        return adapter.validator, adapter.serializer

    @CachedProperty
    def is_crowded(self) -> bool:
        """True if the type has unions that are read by the member that fits best.

        They are written without a check of their members, so the schema validates the result.
        """
        core_schema = self.adapter.core_schema
        return may_have_unions(core_schema) and bool(costly_unions(core_schema))

    @CachedProperty
    def is_sparse(self) -> bool:
        """True if a property can be unset, so that it must be left out: that takes longer."""
        return "'type': 'default'" in str(self.adapter.core_schema)

    @CachedProperty
    def write(self) -> Callable[..., bytes]:
        """Writes a value. `dump_json` of the adapter takes twice as long as the call below it."""
        write: Callable[..., bytes] = self._core[1].to_json
        return write

    @CachedProperty
    def read(self) -> Callable[[bytes], T]:
        """Reads a text; raises `ValidationError`."""
        return self._by_alias(self._core[0].validate_json)

    def _by_alias(self, read: Callable[..., T]) -> Callable[[bytes], T]:
        if "'validation_alias'" not in str(self.adapter.core_schema):
            return read
        # In JSON, a property is accepted by its own name only, not by its name in Python.
        by_alias: Callable[[bytes], T] = partial(read, by_name=False)
        names = colliding_names(self.adapter.core_schema)
        return separate_collisions(by_alias, names) if names else by_alias

    @CachedProperty
    def read_long(self) -> Callable[[bytes], T]:
        """Reads a text of `LONG_TEXT_BYTES` or more; raises `ValidationError`."""
        import_safely("scaffold.contract._fast_decode.long_texts")
        from scaffold.contract._fast_decode.long_texts import long_text_reader

        return long_text_reader(
            self.adapter.core_schema, self._config, self._by_alias, self._check_by_schema
        )

    @CachedProperty
    def check(self) -> Callable[[T], T]:
        """Checks a value in Python; raises `ValidationError` with the first problem."""
        import_safely("scaffold.contract._unions.choice_guard")
        from scaffold.contract._unions.choice_guard import fail_fast_validator

        check: Callable[[T], T] = fail_fast_validator(
            self.adapter.core_schema, self._config
        ).validate_python
        return check
