"""How schemas of former drafts are written today, where both mean the same."""

from scaffold.generator._source.canonical_json import canonical
from scaffold.generator._source.edits import Edit, Remove, Rename
from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json

_EXCLUSIVE = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def fix_bound(file: str, at: Pointer, schema: Json) -> list[Edit]:
    """Write `minimum: 3, exclusiveMinimum: true` as `exclusiveMinimum: 3`."""
    bound = _EXCLUSIVE.get(str(at[-1]), "")
    if schema[at[-1]] is True and bound in schema:
        return [Remove(file, at), Rename(file, (*at[:-1], bound), str(at[-1]))]
    return [Remove(file, at)] if isinstance(schema[at[-1]], bool) else []


def fix_items(file: str, at: Pointer, schema: Json) -> list[Edit]:
    """Write a list of schemas under `items` as `prefixItems`, and what follows it as `items`."""
    if "prefixItems" in schema:
        return []
    edits: list[Edit] = [Rename(file, at, "prefixItems")]
    if "additionalItems" in schema:
        edits.append(Rename(file, (*at[:-1], "additionalItems"), "items"))
    return edits


def fix_repeated(file: str, at: Pointer, values: list[Json]) -> list[Edit]:
    """Leave out of a list what stands in it before."""
    known: set[str] = set()
    edits: list[Edit] = []
    for index, value in enumerate(values):
        if canonical(value) in known:
            edits.append(Remove(file, (*at, index)))
        known.add(canonical(value))
    return edits[:1]  # two cuts may touch; the rest is for the next round
