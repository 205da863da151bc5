"""Types of single JSON values: numbers, texts and fixed values, with the bounds that they enforce.

A bound that no language can represent is left to the schema, and recorded in the ledger. So are
regular expressions that do not mean the same in every language: JSON Schema speaks of ECMA-262, and
Rust, RE2 and Python agree with it on printable ASCII, classes, groups, alternatives, anchors and
repeats only.
"""

import re
from collections.abc import Collection, Mapping
from typing import TypeVar

from scaffold.generator import ir
from scaffold.generator._schema.types.constraints import Constraints, integer_bounds
from scaffold.generator._schema.types.enforcement import EnforcementLedger

MAX_LENGTH = 300
"""Characters of a pattern that a type carries."""

MAX_REPEATS = 1000
"""What the counts of a pattern may come to, multiplied: an automaton has a place for each."""

_CLASSES = {r"\d": "0-9", r"\w": "A-Za-z0-9_"}
"""Without these, `\\d` is any digit of Unicode in some languages, and one of ten in others."""

_ESCAPED = r"\\[.*+?()\[\]{}|^$/\\-]"
_PLAIN = r"[^\x00-\x1f\x7f-\U0010ffff.*+?()\[\]{}|^$\\]"
_MEMBER = rf"[A-Za-z0-9]-[A-Za-z0-9]|{_ESCAPED}|\\[dw]|[^\x00-\x1f\x7f-\U0010ffff\[\]\\^&~-]"
_TOKEN = re.compile(
    rf"(?P<open>\((?:\?:|(?!\?)))|(?P<close>\))|(?P<mark>[|^$])"
    rf"|(?P<repeat>(?:[*+?]|\{{(?P<least>\d{{1,4}})(?P<most>,\d{{0,4}})?\}})\??)"
    rf"|(?P<set>\[\^?(?!\])-?(?:{_MEMBER})*-?\])|(?P<atom>{_PLAIN}|\.|{_ESCAPED}|\\[dw])"
)


def to_portable(pattern: str) -> str | None:
    """Return a pattern as every language reads it, or `None` if they would not agree.

    The caller has checked that it is a valid regular expression.
    """
    if len(pattern) > MAX_LENGTH:
        return None
    parts: list[str] = []
    repeats, before, at = 1, "mark", 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            return None
        at, kind = token.end(), token.lastgroup or ""
        if kind == "repeat":
            if before not in ("atom", "set", "close"):
                return None
            counts = [token["least"] or "1", (token["most"] or "").strip(",") or "1"]
            repeats *= max(1, *map(int, counts))
        parts.append(_translate(kind, token[0]))
        before = kind
    return "".join(parts) if repeats <= MAX_REPEATS else None


def _translate(kind: str, text: str) -> str:
    if kind == "atom":
        return f"[{_CLASSES[text]}]" if text in _CLASSES else text.replace(r"\/", "/")
    if kind == "set":
        return re.sub(r"\\(.)", lambda found: _CLASSES.get(found[0], found[0]), text)
    return text


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
