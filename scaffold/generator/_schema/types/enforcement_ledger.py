"""Which keywords the generated type enforces, and which are left to the schema.

Each declared type records, for every keyword of every schema object that it stands for, whether it
enforces the keyword. The schema enforces the keywords without a record, and those that at least one
type of the payload leaves out. So a value is valid if both the type and the residual
(`residual_schema.py`) accept it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS
from scaffold.generator._schema.types.constraints import Constraints, Keyword

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
