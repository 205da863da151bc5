"""One payload's schema, in the forms that a comparison asks for.

One form closes each open object that declares properties. An open object accepts any property, so
declaring a new property forbids values that were valid but probably not in use. Comparing only
payloads with declared properties separates such a change from one that hosts or plugins notice.
"""

from collections.abc import Iterator
from functools import cached_property

from scaffold._validators import CanonicalSchema, canonical_form, proves_containment
from scaffold.contract._validation.validator import CompiledSchema
from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS, subschemas
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._source.json_values import canonical, is_object
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


_OPENING = {"additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames"}
_ENTANGLED = {"$dynamicRef", "allOf", "not", "oneOf", "if", "dependentSchemas", "contains"}


def close_objects(schema: Json) -> Json:
    """Close the objects that name properties and are open: the result accepts less.

    Where closing an object could let more through (under `not`), or shut out what another part
    names (under `allOf`), the whole schema is left as it is.
    """
    return schema if any(map(_is_entangled, _parts(schema))) else _closed(schema)


def _is_entangled(part: dict[str, Json]) -> bool:
    keywords = part.keys() & ASSERTIONS
    siblings = keywords - {"$ref"} if "$ref" in keywords else keywords & {"properties"}
    shared = {"$ref", "anyOf"} & keywords
    return bool(keywords & _ENTANGLED or (shared and siblings))


def _closed(schema: Json) -> Json:
    if not is_object(schema):
        return schema
    result = {**schema}
    for (keyword, *rest), inner in subschemas(schema):
        closed = _closed(inner)
        if not rest:
            result[str(keyword)] = closed
        elif isinstance(rest[0], int):
            members = list(result[str(keyword)])
            members[rest[0]] = closed
            result[str(keyword)] = members
        else:
            result[str(keyword)] = {**result[str(keyword)], rest[0]: closed}
    if "properties" in schema and not schema.keys() & _OPENING:
        result["additionalProperties"] = False
    return result


def _parts(schema: Json) -> Iterator[dict[str, Json]]:
    if is_object(schema):
        yield schema
        for _, inner in subschemas(schema):
            yield from _parts(inner)
