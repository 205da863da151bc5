"""Decides whether one schema accepts everything that another one does: proven, refuted or unknown.

A counterexample that the validators confirm takes precedence over a proof. So a mistake in a proof
does no harm if the search finds a counterexample.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from scaffold.generator import ir
from scaffold.generator._compare.subset.compared_schema import PayloadSchema
from scaffold.generator._compare.subset.counterexamples import candidate_values, shrink
from scaffold.generator._compare.subset.subset_proof import proves_subset
from scaffold.generator._source.canonical_json import canonical

_TRIES_WITH_PROOF = 400
_TRIES_WITHOUT = 12_000


@dataclass(frozen=True, slots=True)
class SubsetResult:
    """The answer to: does `outer` accept all that `inner` does?"""

    proven: bool
    witnesses: tuple[ir.Json, ...] = ()
    """A value that `inner` accepts and `outer` refuses, or none."""

    @property
    def refuted(self) -> bool:
        """True if there is a value that shows it."""
        return bool(self.witnesses)


def check_subset(inner: ir.Json, outer: ir.Json) -> SubsetResult:
    """Decide whether JSON Schema `outer` accepts every value that `inner` accepts."""
    return _check_subset(canonical(inner), canonical(outer))


@lru_cache(maxsize=1024)
def _check_subset(inner_text: str, outer_text: str) -> SubsetResult:
    import json

    if inner_text == outer_text:
        return SubsetResult(proven=True)
    inner, outer = (PayloadSchema(json.loads(text)) for text in (inner_text, outer_text))
    proven = outer.proves_superset_of(inner) or proves_subset(inner, outer)
    found = _search(inner, outer, _TRIES_WITH_PROOF if proven else _TRIES_WITHOUT)
    witnesses = tuple(_shrunk(value, inner, outer) for value in islice(found, 1))
    return SubsetResult(proven=proven and not witnesses, witnesses=witnesses)


def _search(inner: PayloadSchema, outer: PayloadSchema, tries: int) -> Iterator[ir.Json]:
    for value in islice(candidate_values(inner, outer), tries):
        if inner.accepts(value) and not outer.accepts(value):
            yield value


def _shrunk(value: ir.Json, inner: PayloadSchema, outer: PayloadSchema) -> ir.Json:
    """Remove all parts that a witness does not need."""
    for less in shrink(value):
        if inner.accepts(less) and not outer.accepts(less):
            return _shrunk(less, inner, outer)
    return value
