"""Who enforces which keyword: the type that is made of a schema, or the schema itself.

An entry is made where a type is: for every keyword of every schema object that the type stands for,
whether the type says it. A keyword that is nowhere entered is the schema's, and so is one that some
type of a payload leaves out, whatever others say. So a payload's schema means what its type accepts
and its residual (`residual.py`) accepts.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS
from scaffold.generator._schema.types.constraints import Constraints, Keyword

__all__ = ["OBJECT_KEYWORDS", "EnforcementLedger"]

OBJECT_KEYWORDS: Final = frozenset(
    {"properties", "required", "additionalProperties", "unevaluatedProperties"}
)
"""What records say."""

_PARTS: Final = {"properties": "object", "additionalProperties": "object", "items": "array"}
"""Keywords whose schemas become types of parts, and the type of the whole."""


@dataclass(eq=False)
class EnforcementLedger:
    """What one declared type says of the schemas that it stands for, or many together."""

    left: set[Keyword] = field(default_factory=set[Keyword])
    """Left to the schema, whoever else says it."""
    entries: list[tuple[Constraints, Collection[str]]] = field(
        default_factory=list[tuple[Constraints, Collection[str]]]
    )
    """What types are made of, and the keywords that they say nothing of."""

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
        """What is enforced, with all that lies in it."""
        return {keyword for keyword, is_shaped in self._keywords() if not is_shaped}

    @cached_property
    def enforced_by_parts(self) -> set[Keyword]:
        """What is enforced as far as the types of the parts enforce theirs."""
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
        """Put ledgers together."""
        return cls(
            left=set[Keyword]().union(*(ledger.left for ledger in ledgers)),
            entries=[entry for ledger in ledgers for entry in ledger.entries],
        )
