"""Compilation of JSON Schemas. Validators fetch nothing, and their patterns end.

The library (`jsonschema_rs`, 8 MB, 35 ms) is imported when the first schema is compiled: a plugin
whose models enforce everything never needs it. An import contract forbids all other modules to
import it.
"""

from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias

if TYPE_CHECKING:
    import jsonschema_rs

MAX_BACKTRACKS = 100_000
"""Backtracking steps of a pattern on one string, about 5 ms; then the string is refused.

Patterns without look-around and back-references take linear time and have no limit.
"""

Json: TypeAlias = Any
"""What `json.loads` returns."""

Draft: TypeAlias = Literal["4", "6", "7", "201909", "202012"]
"""A draft of JSON Schema, by the library's spelling."""

Validator: TypeAlias = "jsonschema_rs.Validator"
ValidationError: TypeAlias = "jsonschema_rs.ValidationError"
Registry: TypeAlias = "jsonschema_rs.Registry"
CanonicalSchema: TypeAlias = "jsonschema_rs.CanonicalSchema"


def compile_schema(schema: Json, draft: Draft = "202012", *, formats: bool = False) -> Validator:
    """Compile a schema in a given draft.

    Args:
        schema: The schema document.
        draft: The draft, whatever `$schema` says.
        formats: True if `format` is an assertion.

    Raises:
        ValueError: The schema is invalid, or refers to another document: nothing is fetched.
    """
    import jsonschema_rs

    return _compile(getattr(jsonschema_rs, f"Draft{draft}Validator"), schema, formats=formats)


def compile_in_own_draft(schema: Json, registry: "Registry | None" = None) -> Validator:
    """Compile a schema in the draft of its `$schema`, by default 2020-12.

    Args:
        schema: The schema document.
        registry: Documents that references may lead to.

    Raises:
        ValueError: The schema is invalid, or refers to an unknown document.
    """
    import jsonschema_rs

    if isinstance(schema, dict) and "$schema" in schema:
        return _compile(jsonschema_rs.validator_for, schema, formats=False, registry=registry)
    make = jsonschema_rs.Draft202012Validator
    return _compile(make, schema, formats=False, registry=registry)


def make_registry(uri: str, document: Json) -> "Registry":
    """Return a registry with one document, for references into it."""
    import jsonschema_rs

    return jsonschema_rs.Registry([(uri, document)], retriever=_refuse_to_fetch)


def compile_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions for invalid schemas and for broken references."""
    import jsonschema_rs

    return jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError


def canonical_form(schema: Json) -> "CanonicalSchema | None":
    """Return the canonical form of a schema of draft 2020-12, or `None` if it has none."""
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
    """Return whether `outer` provably accepts every value that `inner` accepts."""
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
