"""One payload of a hook: reading it from JSON, writing it as JSON, and validating both.

A model that enforces its whole schema is trusted. All other payloads are validated by the compiled
schema as well. The problems in an error always come from the schema, so that they are the same in
every runtime.
"""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, get_args, get_origin

from scaffold._concurrency.forks import CachedProperty
from scaffold._concurrency.safe_imports import import_safely
from scaffold.contract._errors.errors import InvalidInput, InvalidOutput
from scaffold.contract._json import Json, is_array, is_object
from scaffold.contract._payload import codecs
from scaffold.contract._payload.model import Model
from scaffold.contract._payload.problem_reports import ProblemReports
from scaffold.contract._payload.typed_json import TypedJson
from scaffold.contract._validation.validator import CompiledSchema

T = TypeVar("T")

_ANNOTATIONS: Final = ("$schema", "$id", "$defs", "title", "description")
"""Keywords of a schema that refuse nothing by themselves."""


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
        self.python_type = python_type
        self.exact = exact
        self._schema = schema
        self._residual = residual
        self._reports = ProblemReports(hook, error_class, schema)
        self._typed: TypedJson[T] = TypedJson(python_type, self._reports.check_readable_text)
        self._python_class: Any = self._typed.python_class

    @property
    def schema(self) -> Json:
        """The JSON Schema 2020-12 of the payload, self-contained."""
        return self._schema()

    def load(self, data: bytes | str) -> T:
        """Read a payload from JSON text.

        Raises:
            InvalidInput, InvalidOutput: The text is not JSON, or breaks the schema.
        """
        # As bytes: pydantic raises another kind of error for half a surrogate pair in a `str`.
        return self.loader(
            data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
        )

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
            return codecs.empty_loader(self._reports)
        if self.exact:
            return codecs.checked_loader(self._typed, self._reports, lambda: self._accepts)
        return codecs.trusted_loader(self._typed, self._reports)

    @CachedProperty
    def short_loader(self) -> Callable[[bytes], T]:
        """What `loader` does for a short text, without an explanation of what is wrong.

        The text has fewer than `LONG_TEXT_BYTES` and none of the `NON_FINITE_CAPITALS`. Raises what
        `loader` raises, or any `ValueError`.
        """
        return self.loader if self.exact or self.python_type is None else self._typed.read

    @CachedProperty
    def dumper(self) -> Callable[[T], bytes]:
        """The function behind `dump`, for callers that write many values."""
        if self.python_type is None:
            return codecs.dump_empty
        typed, reports = self._typed, self._reports
        is_checked = self.exact or typed.is_crowded
        if typed.python_class is None:
            check = (lambda: self._accepts) if is_checked else None
            return codecs.type_dumper(typed, reports, check)
        # Instances of other classes may be many; what reads them back is built for the first one.
        if is_checked:
            return codecs.checked_dumper(typed, reports, self.load, lambda: self._accepts)
        return codecs.trusted_dumper(typed, reports, self.load)

    def convert(self, value: Any, other: "Payload[Any]") -> T:
        """Convert a value of `other`, which is the same payload in other bindings.

        An instance of this payload's own class is returned unchanged, as is a list of instances.
        Other values are written as JSON and read again.
        """
        same: T = value
        if type(value) is self._python_class:
            if self.exact:
                fields = self._checked_fields
                if fields is None or not fields.isdisjoint(value.__pydantic_fields_set__):
                    self.dump(value)
            return same
        if (self.python_type is None and value is None) or self._is_trusted_list(value):
            return same
        return self.load(other.dump(value))

    def _is_trusted_list(self, value: Any) -> bool:
        return is_array(value) and self._item_classes.issuperset(map(type, value))

    @CachedProperty
    def _checked_fields(self) -> frozenset[str] | None:
        """The fields that the schema has to check; `None` if it has to look at the whole model."""
        residual = self._residual()
        if not (self._typed.is_model and is_object(residual)):
            return None
        properties = residual.get("properties")
        if not is_object(properties) or residual.keys() - {"properties", *_ANNOTATIONS}:
            return None
        names = {field.alias or name: name for name, field in self.python_type.model_fields.items()}
        if properties.keys() - names.keys():
            return None
        return frozenset(names[key] for key in properties)

    @CachedProperty
    def _item_classes(self) -> frozenset[type]:
        """The class of the items, for a plain list of models that need no check by the schema."""
        if self.exact or get_origin(self.python_type) is not list:
            return frozenset()
        item: Any = get_args(self.python_type)[0]
        is_model = isinstance(item, type) and issubclass(item, Model)
        classes: list[Any] = [item] if is_model else []
        return frozenset(classes)

    @CachedProperty
    def _accepts(self) -> Callable[[bytes], bool]:
        """Validates a text that the model accepts. Only a refused text is validated in full."""
        import_safely("scaffold.contract._payload.partial_decoder")
        from scaffold.contract._payload.partial_decoder import partial_type

        residual = None if self.python_type is Json else self._residual()
        if residual is None:
            return self._reports.accepts
        return CompiledSchema(residual).judge(partial_type(residual))
