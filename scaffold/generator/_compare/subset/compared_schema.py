"""One payload's schema, in the forms that a comparison asks for."""

from functools import cached_property

from scaffold._validators import CanonicalSchema, canonical_form, proves_containment
from scaffold.contract._validation.validator import CompiledSchema
from scaffold.generator._schema.documents.documents import Documents
from scaffold.generator._source.canonical_json import canonical
from scaffold.generator.ir import Json


class PayloadSchema:
    """A self-contained JSON Schema 2020-12."""

    def __init__(self, value: Json) -> None:
        self.value = value
        self._validator = CompiledSchema(value)

    @cached_property
    def text(self) -> str:
        """The schema in canonical JSON."""
        return canonical(self.value)

    @cached_property
    def documents(self) -> Documents:
        """What its references lead to."""
        return Documents.of_schema(self.value)

    @cached_property
    def canonical_form(self) -> "CanonicalSchema | None":
        """The validator's normal form, with which it can reckon; `None` if it has none."""
        return canonical_form(self.value)

    def accepts(self, value: Json) -> bool:
        """Tell whether a value is valid, as every runtime does."""
        return self._validator.accepts(value)

    def rejection(self, value: Json) -> str:
        """Say why a value is not valid: its first problem, and where in the value that is."""
        problem = min(self._validator.problems(value))
        return f"{problem.path or '/'}: {problem.message}"

    def proves_superset_of(self, other: "PayloadSchema") -> bool:
        """Tell whether the validator's own algebra proves that it accepts all that `other` does."""
        if self.canonical_form is None or other.canonical_form is None:
            return False
        return proves_containment(self.canonical_form, other.canonical_form)

    def difference(self, other: "PayloadSchema") -> Json | None:
        """Return a schema of what it accepts and `other` does not; `None` if it has no form.

        One with references has none: they may lead back to the difference itself.
        """
        if self.canonical_form is None or other.canonical_form is None:
            return None
        try:
            difference: Json = self.canonical_form.subtract(other.canonical_form).to_json_schema()
        except ValueError:
            return None
        return None if '"$ref"' in canonical(difference) else difference
