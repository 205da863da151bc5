"""Where schema objects stand, by their identity, and which of them a URI or an anchor names."""

from dataclasses import dataclass, field
from urllib.parse import urldefrag, urljoin

from scaffold.generator._schema.dialects.vocabulary import subschemas
from scaffold.generator._schema.documents.document import Document
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.pointers import parse_pointer, resolve_pointer
from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json


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
