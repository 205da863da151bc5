"""What Python's types can say of a kind's types, and what they lose."""

from collections.abc import Mapping

from scaffold.generator import ir
from scaffold.generator._schema.types.scalar_types import MAX_LITERAL_LENGTH


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


def pydantic_bounds(type_: ir.Type) -> dict[str, float | str | None]:
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
    if longest > MAX_LITERAL_LENGTH and kinds == {str}:
        return False
    return bool(values) and not kinds >= {bool, int}  # True and 1 are one value to Python


def _inner(type_: ir.Type) -> tuple[ir.Type, ...]:
    match type_:
        case ir.Array(inner) | ir.Map(inner):
            return (inner,)
        case ir.Union(members):
            return members
        case _:
            return ()
