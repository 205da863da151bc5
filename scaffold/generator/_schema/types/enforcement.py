"""Which keywords the generated type enforces, and which are left to the schema.

Each declared type records, for every keyword of every schema object that it stands for, whether it
enforces the keyword. The schema enforces the keywords without a record, and those that at least one
type of the payload leaves out. So a value is valid if both the type and the residual
(`payload_builder.py`) accept it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS, subschemas
from scaffold.generator._schema.documents.document import REFERENCE_KEYWORDS
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.types.constraints import Constraints, Keyword
from scaffold.generator._source.json_values import is_object
from scaffold.generator.ir import Json, Payload

OBJECT_KEYWORDS: Final = frozenset(
    {"properties", "required", "additionalProperties", "unevaluatedProperties"}
)
"""Keywords that records enforce."""

_PARTS: Final = {"properties": "object", "additionalProperties": "object", "items": "array"}
"""Keywords whose schemas become types of parts, and the type of the whole."""


@dataclass(eq=False)
class EnforcementLedger:
    """The keywords that one declared type, or several types together, enforce."""

    left: set[Keyword] = field(default_factory=set[Keyword])
    """Left to the schema, even if another type expresses it."""
    entries: list[tuple[Constraints, Collection[str]]] = field(
        default_factory=list[tuple[Constraints, Collection[str]]]
    )
    """The constraints of the types, each with the keywords that its type does not enforce."""

    def record(self, constraints: Constraints, silent: Collection[str] = ()) -> None:
        """Record the keywords of constraints as enforced, except for the `silent` ones."""
        self.left |= constraints.left
        self.entries.append((constraints, silent))  # most are never looked at: nothing is left

    def leave_to_schema(
        self, constraints: Constraints, keywords: Collection[str] = ASSERTIONS
    ) -> None:
        """Leave keywords to the schema."""
        self.left |= constraints.left
        self.left.update(
            (id(source), keyword)
            for source in constraints.sources
            for keyword in source.keys() & ASSERTIONS
            if keyword in keywords
        )

    @cached_property
    def enforced(self) -> set[Keyword]:
        """Keywords that are enforced, with everything in them."""
        return {keyword for keyword, is_shaped in self._keywords() if not is_shaped}

    @cached_property
    def enforced_by_parts(self) -> set[Keyword]:
        """Keywords that are enforced as far as the types of the parts enforce theirs."""
        return {keyword for keyword, is_shaped in self._keywords() if is_shaped}

    def _keywords(self) -> Iterator[tuple[Keyword, bool]]:
        for constraints, silent in self.entries:
            for source in constraints.sources:
                for keyword in (source.keys() & ASSERTIONS).difference(silent):
                    is_closed = keyword == "additionalProperties" and source[keyword] is False
                    is_shaped = _PARTS.get(keyword) in constraints.types and not is_closed
                    yield (id(source), keyword), is_shaped

    @classmethod
    def of(cls, ledgers: Collection["EnforcementLedger"]) -> "EnforcementLedger":
        """Merge several ledgers."""
        return cls(
            left=set[Keyword]().union(*(ledger.left for ledger in ledgers)),
            entries=[entry for ledger in ledgers for entry in ledger.entries],
        )


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
    from scaffold.contract._json import pointer

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
