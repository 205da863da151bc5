"""Who enforces which keyword: the type that is made of a schema, or the schema itself.

An entry is made where a type is: for every keyword of every schema object that the type stands for,
whether the type says it. A keyword that is nowhere entered is the schema's, and so is one that some
type of a payload leaves out, whatever others say. So a payload's schema means what its type accepts
and its residual (`residual.py`) accepts.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from scaffold.generator.schema.facts import Facts, Keyword
from scaffold.generator.schema.vocabulary import ASSERTIONS

__all__ = ["OF_OBJECTS", "Ledger"]

OF_OBJECTS: Final = frozenset(
    {"properties", "required", "additionalProperties", "unevaluatedProperties"}
)
"""What records say."""

_PARTS: Final = {"properties": "object", "additionalProperties": "object", "items": "array"}
"""Keywords whose schemas become types of parts, and the type of the whole."""


@dataclass(eq=False)
class Ledger:
    """What one declared type says of the schemas that it stands for, or many together."""

    said: set[Keyword] = field(default_factory=set[Keyword])
    """Enforced, with all that lies in it."""
    shaped: set[Keyword] = field(default_factory=set[Keyword])
    """Enforced as far as the types of the parts enforce theirs."""
    left: set[Keyword] = field(default_factory=set[Keyword])
    """Left to the schema; this wins."""

    def enter(self, facts: Facts, silent: Collection[str] = ()) -> None:
        """Enter the keywords that facts are made of; of the `silent` ones somebody else speaks."""
        self.left |= facts.left
        for source in facts.sources:
            for keyword in (source.keys() & ASSERTIONS).difference(silent):
                is_closed = keyword == "additionalProperties" and source[keyword] is False
                is_shaped = _PARTS.get(keyword) in facts.types and not is_closed
                (self.shaped if is_shaped else self.said).add((id(source), keyword))

    def leave(self, facts: Facts, keywords: Collection[str] = ASSERTIONS) -> None:
        """Leave keywords to the schema."""
        self.left |= facts.left
        self.left.update(
            (id(source), keyword)
            for source in facts.sources
            for keyword in source.keys() & ASSERTIONS
            if keyword in keywords
        )

    @classmethod
    def of(cls, ledgers: Iterable["Ledger"]) -> "Ledger":
        """Put ledgers together."""
        whole = cls()
        for ledger in ledgers:
            whole.said |= ledger.said
            whole.shaped |= ledger.shaped
            whole.left |= ledger.left
        return whole
