"""Reports for each keyword of a payload's schema whether the type or the schema enforces it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS, subschemas
from scaffold.generator._schema.documents.documents import REFERENCE_KEYWORDS, Documents
from scaffold.generator._source.json_values import is_object
from scaffold.generator.ir import Json, Payload

_DEFINITIONS: Final = ("$defs", "definitions")
_ANNOTATIONS: Final = {"format", "contentEncoding", "contentMediaType", "contentSchema"}
"""Annotations that look like assertions. They are documented and never enforced, `format` as JSON
Schema 2020-12 section 7.2.1 has it by default."""


@dataclass(frozen=True, slots=True)
class EnforcementReport:
    """JSON pointers to the keywords of a schema, in its order, by who enforces them.

    Definitions that nothing refers to are in none of the lists.
    """

    model: tuple[str, ...]
    """Enforced by the type wherever they count."""
    schema: tuple[str, ...]
    """Enforced by the compiled schema, in some place at least."""
    not_enforced: tuple[str, ...]
    """Annotations."""


def report_enforcement(payload: Payload) -> EnforcementReport:
    """List who enforces which keyword of a payload's self-contained schema."""
    by_schema: dict[str, None] = {}
    all_of_them: dict[str, None] = {}
    annotations: dict[str, None] = {}
    left = set(payload.left)
    for at, keyword, is_left in _walk(payload.schema, left):
        if keyword in _ANNOTATIONS:
            annotations[at] = None
        elif keyword in ASSERTIONS:
            all_of_them[at] = None
            if is_left:
                by_schema[at] = None
    model = tuple(at for at in all_of_them if at not in by_schema)
    return EnforcementReport(model, tuple(by_schema), tuple(annotations))


def _walk(root: Json, left: set[str]) -> Iterator[tuple[str, str, bool]]:
    """Yield each keyword that counts, with its place and whether it is left to the schema."""
    from scaffold.contract._json.pointers import pointer

    documents = Documents.of_schema(root)
    pending = [(root, "" in left)]
    seen: set[tuple[int, bool]] = set()
    for schema, was_left in pending:  # grows while it is read
        if not is_object(schema) or (id(schema), was_left) in seen:
            continue
        if schema is documents.metaschema:  # it stands elsewhere
            continue
        seen.add((id(schema), was_left))
        place = documents.locate(schema)[1]
        is_left = {keyword: was_left or pointer((*place, keyword)) in left for keyword in schema}
        for keyword, mine in is_left.items():
            yield pointer((*place, keyword)), keyword, mine
            if keyword in REFERENCE_KEYWORDS:
                pending.append((documents.target(schema, keyword)[2], mine))
        pending += [
            (part, is_left[str(step[0])])
            for step, part in subschemas(schema)
            if step[0] not in _DEFINITIONS
        ]
