"""Type annotations, in the one spelling that we use."""

from collections.abc import Container

from scaffold.generator import ir
from scaffold.generator._emit.python.line_breaks import Bracket, Concat, Source, UnionType, one_line
from scaffold.generator._emit.python.literals import python_literal, string_literal
from scaffold.generator._emit.python.names import PythonNames
from scaffold.generator._emit.python.type_support import has_literals, pydantic_bounds

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
