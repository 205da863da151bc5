"""Builds the typed form of a payload: its type, and the residual that only the schema enforces.

The residual is the part of a schema that the generated type does not enforce. Keywords are removed
only from schemas of the value itself or of its named parts: below `properties`, `items`,
`additionalProperties`, `allOf` and `$ref`. A keyword that stays keeps everything in it, and the
sibling keywords that it depends on. If it is not certain what a keyword depends on, the whole
schema is the residual.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from scaffold.generator import ir
from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS, map_subschemas
from scaffold.generator._schema.documents.document import Document
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.types.constraints import Keyword
from scaffold.generator._schema.types.enforcement import EnforcementLedger
from scaffold.generator._schema.types.type_builder import TypeBuilder
from scaffold.generator._source.json_values import canonical, is_object
from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json

_UNEVALUATED: Final = frozenset({"unevaluatedProperties", "unevaluatedItems"})
"""Keywords that depend on all their sibling keywords."""
_UNSURE: Final = frozenset({"$dynamicRef", "dependencies"})
"""Keywords whose meaning depends on more than their schema, or on who reads it."""
_SHORT: Final = 2000
"""Characters of a residual that is worth its place in any case; a longer one halves the schema."""
_UNIONS: Final = ("anyOf", "oneOf")
_IN_PLACE: Final = ("allOf", *_UNIONS)
_VACUOUS: Final[dict[str, tuple[Json, ...]]] = {
    "uniqueItems": (False,),
    "required": ([],),
    "minLength": (0,),
    "minItems": (0,),
    "minProperties": (0,),
    **dict.fromkeys(("properties", "patternProperties"), ({},)),
    **dict.fromkeys(("dependentRequired", "dependentSchemas"), ({},)),
    **dict.fromkeys(("items", "additionalProperties", "propertyNames"), (True, {})),
    **dict.fromkeys(("unevaluatedProperties", "unevaluatedItems"), (True, {})),
}
"""Values by which keywords refuse nothing."""


class _UnsureError(Exception):
    """The schema cannot be divided safely."""


@dataclass(eq=False)
class ResidualBuilder:
    """Builds the residual of one payload's schema. `left`: keywords that no type enforces."""

    documents: Documents
    root: Json
    ledger: EnforcementLedger
    left: list[tuple[Json, str]] = field(default_factory=list[tuple[Json, str]])
    """The outermost keywords that the schema enforces: the schema object, and the keyword."""
    _lacking: set[int] = field(default_factory=set[int])
    """The schema objects that types do not enforce as a whole, by identity."""
    _names: dict[tuple[int, bool], str] = field(default_factory=dict[tuple[int, bool], str])
    _definitions: dict[str, Json] = field(default_factory=dict[str, Json])

    def __post_init__(self) -> None:
        self._find_lacking()

    @property
    def needed(self) -> bool:
        """True if the schema refuses something that the type accepts."""
        return self.root is False or id(self.root) in self._lacking

    def schema(self) -> Json:
        """Return the residual, self-contained; `None` if it is hardly shorter than the schema."""
        try:
            pruned = self._pruned(self.root)
        except _UnsureError:
            self.left[:] = []
            return None
        if self._definitions:
            pruned = {**pruned, "$defs": self._definitions}
        size, most = len(canonical(pruned)), len(canonical(self.root))
        return pruned if size < max(most / 2, min(most, _SHORT)) else None

    def _find_lacking(self) -> None:
        """Find the schemas that types do not fully enforce, then all schemas that contain them."""
        uses: dict[int, list[int]] = {}
        pending, seen = [self.root], set[int]()
        for schema in pending:  # grows while it is read
            if not is_object(schema) or id(schema) in seen:
                continue
            seen.add(id(schema))
            if any(self._is_left(schema, keyword) for keyword in schema):
                self._lacking.add(id(schema))
            for part in self._parts(schema):
                if part is False:
                    self._lacking.add(id(schema))
                uses.setdefault(id(part), []).append(id(schema))
                pending.append(part)
        spreading = list(self._lacking)
        for lacking in spreading:  # grows while it is read
            fresh = [user for user in uses.get(lacking, []) if user not in self._lacking]
            self._lacking.update(fresh)
            spreading += fresh

    def _is_left(self, schema: dict[str, Json], keyword: str) -> bool:
        if keyword not in ASSERTIONS or keyword in ("$ref", "allOf"):
            return False
        entry: Keyword = (id(schema), keyword)
        known = entry in self.ledger.enforced or entry in self.ledger.enforced_by_parts
        if known and entry not in self.ledger.left:
            return False
        return schema[keyword] not in _VACUOUS.get(keyword, ())

    def _parts(self, schema: dict[str, Json]) -> Iterator[Json]:
        """Yield the schemas that types enforce as parts of this one."""
        if "$ref" in schema:
            yield self.documents.follow(schema)
        for keyword, value in schema.items():
            if keyword in _IN_PLACE or (id(schema), keyword) in self.ledger.enforced_by_parts:
                yield from _parts(keyword, value)

    def _is_lacking(self, schema: Json) -> bool:
        return schema is False or id(schema) in self._lacking

    def _pruned(self, schema: Json) -> Json:
        """Copy the part of a schema that no type enforces; `True` if types enforce all of it."""
        if not self._is_lacking(schema):
            return True
        if not is_object(schema):
            return schema
        kept: dict[str, Json] = {}
        for keyword, value in schema.items():
            if self._is_kept(schema, keyword):
                self.left.append((schema, keyword))
                kept[keyword] = self._whole({keyword: value})[keyword]
            elif keyword == "$ref" and self._is_lacking(target := self.documents.follow(schema)):
                kept[keyword] = self._reference(target, self._pruned)
            elif keyword == "allOf" or (id(schema), keyword) in self.ledger.enforced_by_parts:
                kept |= self._pruned_parts(schema, keyword)
        if not _UNEVALUATED.isdisjoint(kept):
            return self._whole(schema)
        if "additionalProperties" in kept and "properties" in schema:
            names = dict.fromkeys(schema["properties"], True)
            kept["properties"] = {**names, **kept.get("properties", {})}
        return kept

    def _pruned_parts(self, schema: dict[str, Json], keyword: str) -> dict[str, Json]:
        """Copy a keyword that holds schemas of parts, without those of which nothing is left."""
        value = schema[keyword]
        if any(part is False for part in _parts(keyword, value)):
            self.left.append((schema, keyword))
        some: Json
        if keyword == "allOf":
            some = [self._pruned(part) for part in value if self._is_lacking(part)]
        elif keyword == "properties":
            parts = value.items()
            some = {name: self._pruned(part) for name, part in parts if self._is_lacking(part)}
        else:
            return {keyword: self._pruned(value)} if self._is_lacking(value) else {}
        return {keyword: some} if some else {}

    def _is_kept(self, schema: dict[str, Json], keyword: str) -> bool:
        if keyword in _UNIONS and any(map(self._is_lacking, schema[keyword])):
            return True
        return self._is_left(schema, keyword)

    def _whole(self, schema: Json) -> Json:
        """Copy a schema without its annotations, and with its definitions brought along."""
        if not is_object(schema):
            return schema
        if not _UNSURE.isdisjoint(schema):
            raise _UnsureError
        copy = map_subschemas(
            {keyword: value for keyword, value in schema.items() if keyword in ASSERTIONS},
            self._whole,
        )
        if "$ref" in schema:
            copy["$ref"] = self._reference(self.documents.follow(schema), self._whole)
        return copy

    def _reference(self, target: Json, build: Callable[[Json], Json]) -> str:
        """Put a schema among the definitions, once; return a reference to it."""
        if not is_object(target) or target is self.documents.metaschema:
            raise _UnsureError
        key = id(target), build == self._whole
        if key not in self._names:
            self._names[key] = name = str(len(self._names) + 1)
            self._definitions[name] = build(target)
        return f"#/$defs/{self._names[key]}"


def _parts(keyword: str, value: Json) -> Collection[Json]:
    """List the schemas that a keyword holds."""
    if keyword == "properties":
        return list(value.values())
    return list(value) if keyword in _IN_PLACE else [value]


def keyword_pointers(
    documents: Documents, document: Document, bundle: Json, keywords: Collection[tuple[Json, str]]
) -> Iterator[str]:
    """Write where keywords stand in the self-contained form of a document, as JSON pointers."""
    from scaffold.contract._json import pointer

    definitions: dict[str, Json] = bundle.get("$defs", {}) if is_object(bundle) else {}
    homes: dict[str, Pointer] = {
        one["$id"]: ("$defs", name)
        for name, one in definitions.items()
        if is_object(one) and "$id" in one
    }
    if not keywords and document.value is not True:
        yield ""
    for schema, keyword in keywords:
        home, at = documents.locate(schema)
        start = () if home is document else homes[home.uri]
        yield pointer((*start, *at, keyword))


def build_payload(
    builder: TypeBuilder, document: Document, schema: ir.Json, name: str
) -> ir.Payload:
    """Declare the type of a payload, and return the payload.

    Args:
        builder: Keeps the types that payloads of one kind share.
        document: The schema document of the payload.
        schema: The same schema, self-contained.
        name: The name of the type.
    """
    constraints = builder.reader.collect((document.value,))
    if constraints.empty_object:
        return ir.Payload(None, schema, object=True)
    builder.declare_payload(document.value, constraints, name)
    residual, left = _residual(builder, document, schema, name)
    is_object = builder.reader.allows_only_objects(constraints)
    return ir.Payload(ir.Reference(name), schema, is_object, bool(left), residual, left)


def _residual(
    builder: TypeBuilder, document: Document, schema: ir.Json, name: str
) -> tuple[ir.Json, tuple[str, ...]]:
    """Return the keywords that the type of a payload leaves to its schema.

    They are returned as a residual schema, `None` if that is not shorter, and as JSON Pointers.
    """
    ledgers = builder.ledgers_of(name)
    if not any(ledger.left for ledger in ledgers):
        return None, ()
    residual = ResidualBuilder(builder.documents, document.value, EnforcementLedger.of(ledgers))
    if not residual.needed:
        return None, ()
    remaining = residual.schema()
    return remaining, tuple(keyword_pointers(builder.documents, document, schema, residual.left))
