"""Compilers of JSON Schema, made here and nowhere else: none fetches, none backtracks forever.

The library (`jsonschema_rs`, 8 MB, 35 ms) is imported when the first schema is compiled: a plugin
whose models enforce everything never pays for it. An import contract keeps every other module
from importing it.
"""

from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = [
    "CanonicalSchema",
    "Draft",
    "Registry",
    "ValidationError",
    "Validator",
    "canonical_form",
    "compile_errors",
    "compile_in_own_draft",
    "compile_schema",
    "make_registry",
    "proves_containment",
]

MAX_BACKTRACKS = 100_000
"""Steps that a pattern may go back on one string, about 5 ms; then the string is refused.

Patterns without look-around and back-references take linear time and are never stopped.
"""

Json: TypeAlias = Any
"""What `json.loads` returns."""

Draft: TypeAlias = Literal["4", "6", "7", "201909", "202012"]
"""A draft of JSON Schema, as the library spells it."""

Validator: TypeAlias = "jsonschema_rs.Validator"
ValidationError: TypeAlias = "jsonschema_rs.ValidationError"
Registry: TypeAlias = "jsonschema_rs.Registry"
CanonicalSchema: TypeAlias = "jsonschema_rs.CanonicalSchema"


def compile_schema(schema: Json, draft: Draft = "202012", *, formats: bool = False) -> Validator:
    """Compile a schema, read in one draft; `formats` asserts `format` as well.

    Raises `ValueError` if the schema is not valid, or refers to what is not part of it: nothing
    is fetched, and no file is opened.
    """
    import jsonschema_rs

    return _compile(getattr(jsonschema_rs, f"Draft{draft}Validator"), schema, formats=formats)


def compile_in_own_draft(schema: Json, registry: "Registry | None" = None) -> Validator:
    """Compile a schema in the draft that its `$schema` names; without one, in 2020-12.

    References may lead into a registry.
    """
    import jsonschema_rs

    if isinstance(schema, dict) and "$schema" in schema:
        return _compile(jsonschema_rs.validator_for, schema, formats=False, registry=registry)
    make = jsonschema_rs.Draft202012Validator
    return _compile(make, schema, formats=False, registry=registry)


def make_registry(uri: str, document: Json) -> "Registry":
    """Return a registry of one document, by which references to its parts are resolved."""
    import jsonschema_rs

    return jsonschema_rs.Registry([(uri, document)], retriever=_refuse_to_fetch)


def compile_errors() -> tuple[type[Exception], ...]:
    """Return what the compiler raises for a schema, or for a reference that leads nowhere."""
    import jsonschema_rs

    return jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError


def canonical_form(schema: Json) -> "CanonicalSchema | None":
    """Return the normal form of a schema of draft 2020-12; `None` if it has none."""
    import jsonschema_rs

    try:
        return jsonschema_rs.canonicalize(
            schema,
            draft=jsonschema_rs.Draft202012,
            retriever=_refuse_to_fetch,
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=MAX_BACKTRACKS),
        )
    except ValueError:
        return None


def proves_containment(outer: CanonicalSchema, inner: CanonicalSchema) -> bool:
    """Tell whether the algebra proves that a schema accepts all that another one does."""
    import jsonschema_rs

    try:
        return outer.covers(inner) is jsonschema_rs.canonical.Containment.YES
    except ValueError:
        return False


def _compile(
    make: Any, schema: Json, *, formats: bool, registry: "Registry | None" = None
) -> Validator:
    import jsonschema_rs

    made: Validator = make(
        schema,
        validate_formats=formats,
        retriever=_refuse_to_fetch,
        pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=MAX_BACKTRACKS),
        registry=registry,
    )
    return made


def _refuse_to_fetch(uri: str) -> NoReturn:
    raise LookupError(f"'{uri}' is not part of the contract, and nothing is fetched")
