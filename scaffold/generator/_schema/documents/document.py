"""One schema document: a file, or a schema written inside the hookspec; and an index of several.

The index knows by their identity where schema objects stand, and which of them a URI or an anchor
names.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from urllib.parse import urldefrag, urljoin

from scaffold.generator._schema.dialects.translate_document import Translation
from scaffold.generator._schema.dialects.vocabulary import subschemas
from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.pointers import parse_pointer, resolve_pointer
from scaffold.generator._source.source_text import Pointer, SourceFile
from scaffold.generator.ir import Json

REFERENCE_KEYWORDS = ("$ref", "$dynamicRef")
"""The keywords that lead to another schema."""


@dataclass(eq=False)
class ReferenceTargets:
    """What the references of a document lead to, as far as they were followed."""

    followed: int = 0
    """How many references were followed: a document may gain more of them."""
    targets: dict["Document", None] = field(default_factory=dict["Document", None])
    """The documents that they lead to, nearest first."""
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    """The references that lead nowhere."""


@dataclass(frozen=True, eq=False)
class Document:
    """One schema document: a file, or a schema written inside the hookspec."""

    source: SourceFile
    at: Pointer
    """Where in the source it stands."""
    value: Json
    uri: str
    """Its `$id`, or a URI that stands for its file: what its references are relative to."""
    path: PurePosixPath
    """Its file, relative to the folder of the kind."""
    translation: Translation | None = None
    """How it was read, if it is not of draft 2020-12."""
    reference_targets: ReferenceTargets = field(default_factory=ReferenceTargets)

    @cached_property
    def references(self) -> list[tuple[Json, str]]:
        """Every schema object in it that refers, and the keyword it does so by, outermost first."""
        return _references(self.value)

    def add_hoisted(self, piece: Json) -> None:
        """Take in a schema that only a reference made one: its references count as well."""
        for schema, keyword in _references(piece):
            if (id(schema), keyword) not in self._known:
                self._known.add((id(schema), keyword))
                self.references.append((schema, keyword))

    @cached_property
    def _known(self) -> set[tuple[int, str]]:
        return {(id(schema), keyword) for schema, keyword in self.references}

    def place(self, at: Pointer) -> Pointer:
        """Return where in the source stands what stands in the value at `at`."""
        return (
            *self.at,
            *(at if self.translation is None else self.translation.original_place(at)),
        )


def _references(schema: Json) -> list[tuple[Json, str]]:
    found: list[tuple[Json, str]] = []
    pending = [schema]
    while pending:
        current = pending.pop()
        if is_object(current):
            found += [(current, keyword) for keyword in REFERENCE_KEYWORDS if keyword in current]
        pending += [inner for _, inner in reversed(subschemas(current))]
    return found


@dataclass(frozen=True, slots=True)
class SchemaLocation:
    """Where a schema object stands."""

    document: Document
    at: Pointer
    base: str
    """The URI that its references are relative to."""


@dataclass(eq=False)
class SchemaIndex:
    """The schema objects of some documents. The documents keep the objects alive."""

    resources: dict[str, tuple[Document, Json]] = field(
        default_factory=dict[str, tuple[Document, Json]]
    )
    """Documents and schemas with an `$id`, by their absolute URI."""
    _anchors: dict[tuple[str, str], Json] = field(default_factory=dict[tuple[str, str], Json])
    _homes: dict[int, SchemaLocation] = field(default_factory=dict[int, SchemaLocation])

    def __contains__(self, schema: Json) -> bool:
        """Tell whether the place of a schema object is known."""
        return id(schema) in self._homes

    @property
    def documents(self) -> list[Document]:
        """Every document with a schema object in it."""
        return list({id(home.document): home.document for home in self._homes.values()}.values())

    def locate(self, schema: Json) -> SchemaLocation:
        """Return the place of a schema object; raise `KeyError` if it is not known."""
        return self._homes[id(schema)]

    def base(self, resource: Json, uri: str) -> str:
        """Return the URI that the anchors of a resource are known by: its `$id`, if it has one."""
        home = self._homes.get(id(resource))
        return home.base if home else uri

    def register(self, document: Document, at: Pointer, schema: Json, base: str) -> None:
        """Note the place of a schema object and of all that lie in it."""
        pending = [(at, schema, base)]
        while pending:
            at, schema, base = pending.pop()
            if not is_object(schema) or id(schema) in self._homes:
                continue
            if "$id" in schema:
                base = urldefrag(urljoin(base, schema["$id"]))[0]
            if "$id" in schema or not at:
                self.resources.setdefault(base, (document, schema))
            self._homes[id(schema)] = SchemaLocation(document, at, base)
            for keyword in ("$anchor", "$dynamicAnchor"):
                if keyword in schema:
                    self._anchors.setdefault((base, schema[keyword]), schema)
            pending += [((*at, *step), inner, base) for step, inner in subschemas(schema)]

    def resolve_fragment(self, uri: str, resource: Json, fragment: str) -> Json:
        """Return what a fragment means in a resource; raise `LookupError` if it means nothing."""
        if fragment and not fragment.startswith("/"):
            return self._anchors[uri, fragment]
        return resolve_pointer(resource, parse_pointer(resource, fragment))
