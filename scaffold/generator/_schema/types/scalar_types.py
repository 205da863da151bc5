"""Types of single JSON values: numbers, texts and fixed values, with the bounds that they enforce.

A bound that no language can represent is left to the schema, and recorded in the ledger.
"""

from collections.abc import Collection, Mapping
from typing import TypeVar

from scaffold.generator import ir
from scaffold.generator._schema.types.constraints import Constraints, integer_bounds
from scaffold.generator._schema.types.enforcement_ledger import EnforcementLedger
from scaffold.generator._schema.types.portable_patterns import to_portable

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest whole number that every language keeps exact (RFC 8259 section 6)."""

MAX_LITERAL_LENGTH = 60
"""Characters of a fixed text that a type lists: no line break can divide it."""

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")

_Bound = TypeVar("_Bound", int, float)


def integer_type(constraints: Constraints, ledger: EnforcementLedger) -> ir.Type:
    """Return the type of whole numbers, with exclusive bounds made inclusive."""
    least, most = integer_bounds(constraints)
    return ir.Integer(
        _bound(constraints, least, _BOUNDS, ledger), _bound(constraints, most, _BOUNDS, ledger)
    )


def number_type(constraints: Constraints, ledger: EnforcementLedger) -> ir.Type:
    """Return the type of numbers, with their bounds."""
    return ir.Number(
        *(
            _bound(constraints, constraints.bounds.get(keyword), {keyword}, ledger)
            for keyword in _BOUNDS
        )
    )


def string_type(constraints: Constraints, ledger: EnforcementLedger) -> ir.Type:
    """Return the type of texts; a type carries one pattern, if all languages read it alike."""
    pattern = to_portable(constraints.patterns[0]) if constraints.patterns else None
    if constraints.patterns[1:] or (constraints.patterns and pattern is None):
        ledger.leave_to_schema(constraints, {"pattern"})
    sizes = (
        size_bound(constraints, "minLength", ledger),
        size_bound(constraints, "maxLength", ledger),
    )
    return ir.String(*sizes, constraints.format, pattern)


def size_bound(constraints: Constraints, name: str, ledger: EnforcementLedger) -> int | None:
    """Return a bound of a length, such as `minItems`; `None` if there is none."""
    size = int(constraints.bounds[name]) if name in constraints.bounds else None
    return _bound(constraints, size, {name}, ledger)


def _bound(
    constraints: Constraints,
    value: _Bound | None,
    keywords: Collection[str],
    ledger: EnforcementLedger,
) -> _Bound | None:
    """Return a bound; leave it to the schema if it is not exact in every language."""
    if value is None or -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return value
    ledger.leave_to_schema(constraints, keywords)
    return None


def is_imprecise(type_: ir.Type, declared: Mapping[str, ir.Declaration]) -> bool:
    """Return whether a type in some language accepts more values than it lists.

    Some languages take `1` for `true`, and long texts are not listed as literals.
    """
    match type_:
        case ir.Choice(values):
            numbers = any(isinstance(value, int) for value in values)  # 1.0, `true`
            return numbers or any(len(str(value)) > MAX_LITERAL_LENGTH for value in values)
        case ir.Union(members):
            return any(is_imprecise(member, declared) for member in members)
        case ir.Reference(name):
            known = declared.get(name)
            return not isinstance(known, ir.Record) and (
                known is None or is_imprecise(known.type, declared)
            )
        case _:
            return type_ == ir.Anything()
