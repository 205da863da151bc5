"""What Python's types can say of a kind's types, and what they lose."""

from collections.abc import Mapping

from scaffold.generator import ir

__all__ = ["accepts_null", "bounds", "discriminator", "has_literals", "references", "widens"]

LONGEST = 60
"""Characters of a string that may stand in a `Literal`, which no line break can divide."""


def widens(type_: ir.Type | None, declared: Mapping[str, ir.Declaration]) -> bool:
    """Tell whether a Python type accepts values that `type_` does not.

    Python takes `true` for the literal `1`, and `0` for the literal `false`; and long literals are
    left out.
    """
    return type_ is not None and any(map(_loses, _reachable(type_, declared)))


def accepts_null(type_: ir.Type, declared: Mapping[str, ir.Declaration]) -> bool:
    """Tell whether `null` is a value of a type."""
    match type_:
        case ir.Anything() | ir.Null():
            return True
        case ir.Choice(values):
            return None in values
        case ir.Union(members):
            return any(accepts_null(member, declared) for member in members)
        case ir.Reference(name):
            item = declared[name]
            return isinstance(item, ir.Alias) and accepts_null(item.type, declared)
        case _:
            return False


def references(type_: ir.Type) -> set[str]:
    """Return the names that a type is written with."""
    if isinstance(type_, ir.Reference):
        return {type_.name}
    return {name for inner in _inner(type_) for name in references(inner)}


def bounds(type_: ir.Type) -> dict[str, float | str | None]:
    """Return the bounds of a type as pydantic calls them; `None` where there is none."""
    match type_:
        case ir.Integer(low, high):
            return {"ge": low, "le": high}
        case ir.Number(low, high, above, below):
            return {"ge": low, "gt": above, "le": high, "lt": below}
        case ir.String(low, high, _, pattern):
            return {"max_length": high, "min_length": low, "pattern": pattern}
        case ir.Array(_, low, high):
            return {"max_length": high, "min_length": low}
        case _:
            return {}


def discriminator(type_: ir.Type, declared: Mapping[str, ir.Declaration]) -> str | None:
    """Return the property that pydantic can tell the members of a union by."""
    if not isinstance(type_, ir.Union) or type_.discriminator is None:
        return None
    for member in type_.members:
        if member == ir.Null():
            continue
        item = declared.get(member.name) if isinstance(member, ir.Reference) else None
        if not isinstance(item, ir.Record):
            return None
        field = next((each for each in item.fields if each.name == type_.discriminator), None)
        if field is None or not field.required or not has_literals(field.type):
            return None
    return type_.discriminator


def has_literals(type_: ir.Type) -> bool:
    """Tell whether a type is a choice that can be written as a `Literal`."""
    if not isinstance(type_, ir.Choice):
        return False
    values = [value for value in type_.values if value is not None]
    kinds = {type(value) for value in values}
    longest = max((len(value) for value in values if isinstance(value, str)), default=0)
    # True and 1 are one value to Python.
    return bool(values) and not kinds >= {bool, int} and (longest <= LONGEST or kinds != {str})


def _inner(type_: ir.Type) -> tuple[ir.Type, ...]:
    match type_:
        case ir.Array(inner) | ir.Map(inner):
            return (inner,)
        case ir.Union(members):
            return members
        case _:
            return ()


def _reachable(start: ir.Type, declared: Mapping[str, ir.Declaration]) -> list[ir.Type]:
    # Every type that stands on a property or under a name, from `start` on.
    found = [start]
    waiting = [start]
    seen: set[str] = set()
    while waiting:
        for name in sorted(references(waiting.pop()) - seen):
            seen.add(name)
            item = declared[name]
            types = (
                [item.type] if isinstance(item, ir.Alias) else [field.type for field in item.fields]
            )
            found += types
            waiting += types
    return found


def _loses(type_: ir.Type) -> bool:
    if isinstance(type_, ir.Choice):
        numbers = any(isinstance(value, int) for value in type_.values)
        return numbers or not (has_literals(type_) or set(type_.values) == {None})
    return any(map(_loses, _inner(type_)))
