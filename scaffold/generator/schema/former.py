"""How schemas of former drafts are written today, where both mean the same."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from scaffold.generator.canonical import canonical
from scaffold.generator.hookspec.source import Pointer
from scaffold.generator.ir import Json
from scaffold.generator.mend.edits import Edit, Remove, Rename, Replace
from scaffold.generator.schema.draft7 import DRAFT_7
from scaffold.generator.schema.vocabulary import DIALECT, subschemas
from scaffold.generator.values import is_list, is_object

__all__ = ["mend_bound", "mend_dialect", "mend_items", "mend_repeated"]

_DRAFT_2019 = "//json-schema.org/draft/2019-09/schema"
_DRAFT_6 = "//json-schema.org/draft-06/schema"
_DRAFT_4 = "//json-schema.org/draft-04/schema"
_TODAY = {
    DIALECT.partition(":")[2]: DIALECT,
    _DRAFT_2019: DIALECT,
    DRAFT_7.partition(":")[2]: f"{DRAFT_7}#",
    _DRAFT_6: f"{DRAFT_7}#",
    _DRAFT_4: f"{DRAFT_7}#",
}
"""What `$schema` should be, by what it is without `https:` and `#`."""

_NEW_IN_DRAFT_7 = frozenset({"if", "then", "else"})
_NOT_IN_2020 = frozenset({"$recursiveRef", "$recursiveAnchor"})
_EXCLUSIVE = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def mend_dialect(file: str, at: Pointer, schema: Json) -> list[Edit]:
    """Name the dialect of a schema as we know it, if all of the schema means the same there."""
    address = urlsplit(str(schema["$schema"]).rstrip("#/"))
    name = f"//{address.netloc}{address.path}"
    if name not in _TODAY:
        return []
    edits: list[Edit] = [Replace(file, (*at, "$schema"), _TODAY[name])]
    schemas = list(_all_schemas(at, schema))
    words = {word for _, inner in schemas for word in inner}
    if name == _DRAFT_2019 and words & _NOT_IN_2020:
        return []
    if name in (_DRAFT_4, _DRAFT_6) and words & _NEW_IN_DRAFT_7:
        return []
    if name == _DRAFT_4:
        for here, inner in schemas:
            if isinstance(inner.get("id"), str) and "$id" not in inner:
                edits.append(Rename(file, (*here, "id"), "$id"))
            for keyword in _EXCLUSIVE.keys() & inner.keys():
                edits += mend_bound(file, (*here, keyword), inner)
    return edits


def mend_bound(file: str, at: Pointer, schema: Json) -> list[Edit]:
    """Write `minimum: 3, exclusiveMinimum: true` as `exclusiveMinimum: 3`."""
    bound = _EXCLUSIVE.get(str(at[-1]), "")
    if schema[at[-1]] is True and bound in schema:
        return [Remove(file, at), Rename(file, (*at[:-1], bound), str(at[-1]))]
    return [Remove(file, at)] if isinstance(schema[at[-1]], bool) else []


def mend_items(file: str, at: Pointer, schema: Json) -> list[Edit]:
    """Write a list of schemas under `items` as `prefixItems`, and what follows it as `items`."""
    if "prefixItems" in schema:
        return []
    edits: list[Edit] = [Rename(file, at, "prefixItems")]
    if "additionalItems" in schema:
        edits.append(Rename(file, (*at[:-1], "additionalItems"), "items"))
    return edits


def mend_repeated(file: str, at: Pointer, values: list[Json]) -> list[Edit]:
    """Leave out of a list what stands in it before."""
    known: set[str] = set()
    edits: list[Edit] = []
    for index, value in enumerate(values):
        if canonical(value) in known:
            edits.append(Remove(file, (*at, index)))
        known.add(canonical(value))
    return edits[:1]  # two cuts may touch; the rest is for the next round


def _all_schemas(at: Pointer, schema: Json) -> Iterator[tuple[Pointer, dict[str, Json]]]:
    """Yield every schema object of a document in whatever draft, and where it stands."""
    pending: list[tuple[Pointer, Json]] = [(at, schema)]
    while pending:
        here, current = pending.pop()
        if not is_object(current):
            continue
        yield here, current
        sound = {key: part for key, part in current.items() if not _is_misplaced(key, part)}
        pending += [((*here, *step), inner) for step, inner in subschemas(sound)]
        items, rest = current.get("items"), current.get("additionalItems")
        for index, item in enumerate(items if is_list(items) else ()):
            pending.append(((*here, "items", index), item))
        pending.append(((*here, "additionalItems"), rest))
        needed = current.get("dependencies")
        for name, inner in needed.items() if is_object(needed) else ():
            pending.append(((*here, "dependencies", name), inner))


def _is_misplaced(keyword: str, value: Json) -> bool:
    """Tell whether a keyword that holds schemas by place or by name holds something else."""
    if keyword in ("allOf", "anyOf", "oneOf", "prefixItems"):
        return not is_list(value)
    named = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
    return keyword in named and not is_object(value)
