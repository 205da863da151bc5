"""Lists where two schemas differ, and whether each place was widened or narrowed.

Each place is compared by itself. The effect on hosts and plugins does not follow from this list: it
is decided for the whole payload by the subset check.
"""

from collections.abc import Iterator

from scaffold.contract._json import pointer
from scaffold.generator._compare.report import Direction, SchemaChange
from scaffold.generator._compare.subset.compared_schema import PayloadSchema
from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS, KNOWN_KEYWORDS
from scaffold.generator._source.json_values import is_list, is_object, json_equal
from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json

_STRUCTURE = frozenset({"$ref", "$defs", "definitions", "$id", "$schema", "$anchor", "$comment"})
_WITH: dict[str, tuple[str, ...]] = {
    "then": ("if",),
    "else": ("if",),
    "minContains": ("contains",),
    "maxContains": ("contains",),
}
"""Keywords that mean nothing without others."""

_NAMED = frozenset({"properties", "patternProperties"})
_MEMBERS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_ONE = frozenset({"items", "additionalProperties", "unevaluatedProperties", "propertyNames"})
"""Keywords whose schemas are compared in their turn."""


def schema_changes(old: Json, new: Json) -> tuple[SchemaChange, ...]:
    """List every place where two schemas differ, in the order of the new one."""
    return tuple(_SchemaDiff(PayloadSchema(old), PayloadSchema(new)).differ(old, new))


class _SchemaDiff:
    def __init__(self, old: PayloadSchema, new: PayloadSchema) -> None:
        self.old = old
        self.new = new
        self.met: set[tuple[int, int]] = set()

    def differ(self, old: Json, new: Json) -> Iterator[SchemaChange]:
        """Compare two schemas that stand at the same place."""
        old, new = _dereferenced(self.old, old), _dereferenced(self.new, new)
        if (id(old), id(new)) in self.met:
            return
        self.met.add((id(old), id(new)))
        if not is_object(old) or not is_object(new):
            if old is not new:
                yield self._change(self._place(old, new), old, new, old, new)
            return
        at = self._place(old, new)
        for keyword in (*new, *(key for key in old if key not in new)):
            if keyword in KNOWN_KEYWORDS - _STRUCTURE:
                yield from self._keyword(keyword, old, new, at)

    def _keyword(
        self, keyword: str, old: dict[str, Json], new: dict[str, Json], at: Pointer
    ) -> Iterator[SchemaChange]:
        before, after = old.get(keyword), new.get(keyword)
        if keyword in _NAMED:
            yield from self._named(keyword, old, new, at)
        elif keyword in _ONE and is_object(before) and is_object(after):
            yield from self.differ(before, after)
        elif keyword in _MEMBERS and _are_paired(before, after):
            for one, other in zip(old[keyword], new[keyword], strict=True):
                yield from self.differ(one, other)
        elif (keyword in old) != (keyword in new) or not json_equal(before, after):
            words = (keyword, *_WITH.get(keyword, ()))
            was, is_now = (
                {word: side[word] for word in words if word in side} for side in (old, new)
            )
            yield self._change((*at, keyword), was, is_now, before, after)

    def _named(
        self, keyword: str, old: dict[str, Json], new: dict[str, Json], at: Pointer
    ) -> Iterator[SchemaChange]:
        """Compare schemas by name; what only one side names is free, or forbidden, on the other."""
        before, after = old.get(keyword, {}), new.get(keyword, {})
        for name in (*after, *(key for key in before if key not in after)):
            if name in before and name in after:
                yield from self.differ(before[name], after[name])
                continue
            one = before.get(name, _unnamed_property_schema(old))
            other = after.get(name, _unnamed_property_schema(new))
            place = (*at, keyword, name)
            yield self._change(
                place,
                {keyword: {name: one}},
                {keyword: {name: other}},
                before.get(name),
                after.get(name),
            )

    def _change(
        self, at: Pointer, old: Json, new: Json, before: Json | None, after: Json | None
    ) -> SchemaChange:
        direction = _direction(_standalone(self.old, old), _standalone(self.new, new))
        return SchemaChange(pointer(at), direction, before, after)

    def _place(self, old: Json, new: Json) -> Pointer:
        if is_object(new):
            return self.new.documents.locate(new)[1]
        return self.old.documents.locate(old)[1] if is_object(old) else ()


def _are_paired(before: Json, after: Json) -> bool:
    return is_list(before) and is_list(after) and len(before) == len(after)


def _unnamed_property_schema(schema: dict[str, Json]) -> Json:
    """Return what holds for a property without a name of its own."""
    return schema.get("additionalProperties", schema.get("unevaluatedProperties", True))


def _dereferenced(side: PayloadSchema, schema: Json) -> Json:
    """Follow a schema that is nothing but a reference."""
    while is_object(schema) and schema.keys() & ASSERTIONS == {"$ref"}:
        schema = side.documents.follow(schema)
    return schema


def _standalone(side: PayloadSchema, fragment: Json) -> PayloadSchema:
    """Let a part of a schema stand alone, with what its references lead to."""
    if not is_object(fragment) or not is_object(side.value):
        return PayloadSchema(fragment)
    home = {key: side.value[key] for key in ("$id", "$defs", "definitions") if key in side.value}
    return PayloadSchema({**home, **fragment})


def _direction(old: PayloadSchema, new: PayloadSchema) -> Direction:
    try:
        wider, narrower = new.proves_superset_of(old), old.proves_superset_of(new)
    except LookupError:
        return Direction.CHANGED
    if wider and narrower:
        return Direction.SAME
    if wider:
        return Direction.WIDENED
    return Direction.NARROWED if narrower else Direction.CHANGED
