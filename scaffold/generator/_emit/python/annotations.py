"""Type annotations in the one spelling that we use: what they say of a type, and what they lose."""

from collections.abc import Container, Mapping

from scaffold.generator import ir
from scaffold.generator._emit.python.line_breaks import Bracket, Concat, Source, UnionType, one_line
from scaffold.generator._emit.python.literals import python_literal, string_literal
from scaffold.generator._emit.python.names import PythonNames
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


_PLAIN: dict[type[ir.Type], str] = {
    ir.Anything: "Json",
    ir.Null: "None",
    ir.Boolean: "bool",
    ir.Integer: "Integer",
    ir.Number: "Number",
    ir.String: "str",
}


def annotation(type_: ir.Type, names: PythonNames, later: Container[str] = ()) -> Source:
    """Write a type, its own bounds left aside, with those of its parts.

    The names of `later` are not defined yet, and have to be quoted.
    """
    match type_:
        case ir.Reference(name):
            known = names.types[name]
            return string_literal(known) if name in later else known
        case ir.Array(items):
            return _generic("list", _part(items, names, later))
        case ir.Map(ir.Anything()):
            return "JsonObject"
        case ir.Map(values):
            return _generic("dict", "str", _part(values, names, later))
        case ir.Choice(values):
            return _union_of(_choice(values))
        case ir.Union(members):
            return _union(members, names, later)
        case _:
            return _PLAIN[type(type_)]


def field_constraints(type_: ir.Type) -> list[str]:
    """Write the bounds of a type as arguments of `Field`."""
    named = pydantic_bounds(type_).items()
    return [f"{name}={python_literal(bound)}" for name, bound in named if bound is not None]


def annotated(source: Source, options: list[str]) -> Source:
    """Write a type with its options for pydantic: `Annotated[T, Field(…)]`."""
    if not options:
        return source
    return Concat(
        ("Annotated", Bracket("[", (source, Bracket("Field(", tuple(options), ")")), "]"))
    )


def _part(type_: ir.Type, names: PythonNames, later: Container[str]) -> Source:
    return annotated(annotation(type_, names, later), field_constraints(type_))


def _union(members: tuple[ir.Type, ...], names: PythonNames, later: Container[str]) -> Source:
    if any(isinstance(member, ir.Reference) and member.name in later for member in members):
        return string_literal(one_line(_union(members, names, ())))
    spelled: list[Source] = []
    for member in members:
        own = _choice(member.values) if isinstance(member, ir.Choice) else None
        spelled += own or [_part(member, names, later)]
    return _union_of(spelled)


def _choice(values: tuple[str | int | bool | None, ...]) -> list[Source]:
    given = [value for value in values if value is not None]
    kinds = {type(value) for value in given}
    null: list[Source] = ["None"] * (None in values)
    if not given:
        return null
    if has_literals(ir.Choice(values)):
        return [Concat(("Literal", Bracket("[", tuple(map(python_literal, given)), "]"))), *null]
    return ["str", *null] if kinds == {str} else ["Json"]


def _union_of(members: list[Source]) -> Source:
    distinct = [member for member in dict.fromkeys(members) if member != "None"]
    if "None" in members:
        distinct.append("None")
    return distinct[0] if len(distinct) == 1 else UnionType(tuple(distinct))


def _generic(name: str, *items: Source) -> Source:
    return Concat((name, Bracket("[", items, "]", comma=len(items) > 1)))
