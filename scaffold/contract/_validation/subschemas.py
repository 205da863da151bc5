"""Validators for parts of a schema document, compiled on demand, with valid references."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin

from scaffold._validators import Validator, compile_errors, compile_in_own_draft, make_registry
from scaffold.contract._json import Json, is_array, is_object
from scaffold.contract._validation.explanation_limits import excerpt

_ROOT: Final = "payload:///"
"""The base URI of a document without `$id`; the validator uses another one by itself."""


class Scope(NamedTuple):
    """A schema, and the resolver for its references."""

    schema: Json
    resolver: Any


class SubschemaValidators:
    """The validators of the parts of a document, in the draft of the document."""

    def __init__(self, document: Json) -> None:
        self.failures = compile_errors()
        """The exceptions for a part with a broken reference."""
        base = document.get("$id") if is_object(document) else None
        self._base = base if isinstance(base, str) else _ROOT
        self._registry = make_registry(self._base, document)
        self._dialect = document.get("$schema") if is_object(document) else None
        self._validators: dict[tuple[int, str], Any] = {}
        self._targets: dict[tuple[str, str], Scope] = {}
        self._kept: list[Json] = []
        keywords = Counter(_keywords(document))
        self._anchors = {
            name: number for (key, name), number in keywords.items() if key == "$dynamicAnchor"
        }
        self._has_unions = any(key in {"anyOf", "oneOf"} for key, _ in keywords)
        self.root = Scope(document, self._registry.resolver(self._base))

    def validator(self, scope: Scope, *keywords: str) -> Any:
        """Compile a schema, or some of its keywords."""
        schema = scope.schema
        if keywords:
            return self.derived(scope, ",".join(keywords), {key: schema[key] for key in keywords})
        return self.derived(scope, "", schema)

    def list_of(self, scope: Scope) -> Any:
        """Compile the schema of lists of values of a schema."""
        return self.derived(scope, "[]", {"type": "array", "items": scope.schema})

    def unevaluated(self, scope: Scope, keyword: str) -> Any:
        """Compile only `unevaluated…` of a schema, without its other assertions."""
        evaluating = {
            name: dict.fromkeys(part, True) if name in _BY_NAME else [True] * len(part)
            for name, part in scope.schema.items()
            if name in _BY_NAME or name == "prefixItems"
        }
        evaluators = [
            {"if": {name: scope.schema[name]}} for name in _IN_PLACE if name in scope.schema
        ]
        evaluators += [{"if": part} for part in scope.schema.get("allOf", ())]
        evaluators += [
            {"if": {"required": [name]}, "then": {"if": part}}
            for name, part in scope.schema.get("dependentSchemas", {}).items()
        ]
        if "if" in scope.schema:
            parts = {name: {"if": scope.schema.get(name, True)} for name in ("then", "else")}
            evaluators.append({"if": scope.schema["if"], **parts})
        everything = dict.fromkeys(_EVERYTHING.intersection(scope.schema), True)
        schema: Json = {**evaluating, **everything, keyword: scope.schema[keyword]}
        if evaluators:
            schema["allOf"] = evaluators
        return self.derived(scope, keyword, schema)

    def pattern(self, pattern: str, scope: Scope) -> Any:
        """Compile a pattern for names."""
        key = 0, pattern
        if key not in self._validators:
            self._validators[key] = self._compile({"pattern": pattern}, scope)
        return self._validators[key]

    def derived(self, scope: Scope, name: str, schema: Json) -> Any:
        """Compile a schema derived from the schema of a scope, once for each name."""
        key = id(scope.schema), name
        known = self._validators.get(key)
        if known is None:
            known = self._validators[key] = self._compile(schema, scope)
            self._kept.append(scope.schema)  # keeps its id unique
        return known

    def says(self, schema: Json, value: Json) -> Callable[[], str]:
        """Return a function that writes the validator's message for an excerpt of a value."""
        return lambda: str(next(self._make(schema).iter_errors(excerpt(value))).message)

    def _compile(self, schema: Json, scope: Scope) -> Any:
        return self._make(_with_absolute_references(schema, scope.resolver.base_uri))

    def _make(self, schema: Json) -> Validator:
        if isinstance(self._dialect, str) and is_object(schema):
            schema = {**schema, "$schema": self._dialect}
        return compile_in_own_draft(schema, self._registry)

    def follow(self, reference: str, scope: Scope) -> Scope:
        """Return the target of a reference."""
        key = scope.resolver.base_uri, reference
        if key not in self._targets:
            found = scope.resolver.lookup(reference)
            self._targets[key] = Scope(found.contents, found.resolver)
        return self._targets[key]

    def enter(self, schema: Json, scope: Scope) -> Scope:
        """Return the scope of a part of a schema."""
        if is_object(schema) and isinstance(schema.get("$id"), str):
            return self.follow(schema["$id"], scope)
        return Scope(schema, scope.resolver)

    def is_plain(self, reference: str) -> bool:
        """Return whether a dynamic reference has a single possible target."""
        return reference.startswith("#/") or self._anchors.get(reference[1:], 2) == 1

    def errors(self, value: Json) -> Iterator[Any]:
        """Yield the validator's own errors of the whole; nothing if they may be very many."""
        if not self._has_unions:
            yield from self._make(self.root.schema).iter_errors(value)


_ANCHOR: Final = "$dynamicAnchor"
_BY_NAME: Final = ("properties", "patternProperties")
_IN_PLACE: Final = ("$ref", "$dynamicRef", "anyOf", "oneOf", "contains")
_EVERYTHING: Final = frozenset(
    {"additionalProperties", "items", "unevaluatedProperties", "unevaluatedItems"}
)


def _with_absolute_references(schema: Json, base: str) -> Json:
    """Copy a schema, its references relative to a base URI instead of to itself."""
    if is_array(schema):
        return [_with_absolute_references(part, base) for part in schema]
    if not is_object(schema):
        return schema
    identity = schema.get("$id")
    if isinstance(identity, str):  # its references are relative to that
        return {**schema, "$id": urljoin(base, identity)}
    copy: dict[str, Json] = {}
    for keyword, part in schema.items():
        if keyword in _REFERENCES and isinstance(part, str):
            copy[keyword] = _resolve(base, part)
        else:
            copy[keyword] = part if keyword in _VALUES else _with_absolute_references(part, base)
    return copy


def _resolve(base: str, reference: str) -> str:
    if reference.startswith("#"):  # of any scheme, `urn:` as well
        return base.partition("#")[0] + reference
    return urljoin(base, reference)


_REFERENCES: Final = ("$ref", "$dynamicRef")
_VALUES: Final = ("const", "enum", "default", "examples")
"""Keywords whose values are data, not schemas."""


def _keywords(schema: Json) -> Iterator[tuple[str, str]]:
    """Yield the keywords of a document, with their values if they are names."""
    pending: list[Json] = [schema]
    for part in pending:  # grows while it is read
        if is_array(part):
            pending += part
        elif is_object(part):
            for keyword, value in part.items():
                yield keyword, value if isinstance(value, str) else ""
            pending += part.values()
