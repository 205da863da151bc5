"""JSON values as Python expressions of the type they have: defaults, and samples to start from."""

from scaffold.generator import ir
from scaffold.generator._emit.python.line_breaks import Bracket, Concat, Source, StringLiteral
from scaffold.generator._emit.python.literals import python_literal, string_literal
from scaffold.generator._emit.python.names import PythonNames
from scaffold.generator._schema.types.value_matches import matches_type
from scaffold.generator._source.json_values import is_list, is_object

MAX_DIGITS_ON_A_LINE = 60
"""Of a number on a line, which cannot be broken within one."""

LARGEST_FLOAT = 2.0**1023


def default_expression(field: ir.Field, names: PythonNames) -> Source | None:
    """Write what an absent property reads as; `None` if no default can be written."""
    if not field.has_default or _mixes(field.type, names):
        return None
    value = value_expression(field.type, field.default, names)
    if _builds(field.type, field.default, names):
        return Bracket("Field(", (Concat(("default_factory=lambda: ", value)),), ")")
    if isinstance(field.default, list | dict):
        return Bracket("Field(", (Concat(("default=", value)),), ")")
    return value


def value_expression(type_: ir.Type, value: ir.Json, names: PythonNames) -> Source:
    """Write a value of a type: `Chunk(text="…", start=0)`."""
    match type_:
        case ir.Reference(name):
            item = names.declared[name]
            if isinstance(item, ir.Alias):
                return value_expression(item.type, value, names)
            return _record(item, value, names)
        case ir.Array(items):
            return Bracket("[", tuple(value_expression(items, item, names) for item in value), "]")
        case ir.Map(values):
            entries = (
                Concat((f"{string_literal(key)}: ", value_expression(values, item, names)))
                for key, item in value.items()
            )
            return Bracket("{", tuple(entries), "}")
        case ir.Union(members):
            return value_expression(_member(members, value, names), value, names)
        case ir.Integer() | ir.Choice() if isinstance(value, int | float) and not isinstance(
            value, bool
        ):
            return _whole(value)
        case _:
            return _json(value)


def _whole(value: float) -> str:
    whole = int(value)
    if (
        len(str(whole)) > MAX_DIGITS_ON_A_LINE
        and abs(whole) < LARGEST_FLOAT
        and int(float(whole)) == whole
    ):
        return f"int({float(whole)!r})"
    return python_literal(whole)


def _record(record: ir.Record, value: ir.Json, names: PythonNames) -> Source:
    attributes = names.fields[record.name]
    if not value.keys() <= attributes.keys():
        return Bracket(f"{names.types[record.name]}.model_validate(", (_json(value),), ")")
    arguments = (
        Concat(
            (f"{attributes[field.name]}=", value_expression(field.type, value[field.name], names))
        )
        for field in record.fields
        if field.name in value
    )
    return Bracket(f"{names.types[record.name]}(", tuple(arguments), ")")


def _member(members: tuple[ir.Type, ...], value: ir.Json, names: PythonNames) -> ir.Type:
    return next(member for member in members if matches_type(value, member, names.declared))


def _json(value: ir.Json) -> Source:
    if isinstance(value, str):
        return StringLiteral(value)
    if is_list(value):
        return Bracket("[", tuple(map(_json, value)), "]")
    if is_object(value):
        entries = (Concat((f"{string_literal(key)}: ", _json(item))) for key, item in value.items())
        return Bracket("{", tuple(entries), "}")
    return python_literal(value)


def _builds(type_: ir.Type, value: ir.Json, names: PythonNames) -> bool:
    # Whether the value holds an object of a class of ours, which may be defined further down.
    match type_:
        case ir.Reference(name):
            item = names.declared[name]
            return isinstance(item, ir.Record) or _builds(item.type, value, names)
        case ir.Array(items):
            return any(_builds(items, item, names) for item in value)
        case ir.Map(values):
            return any(_builds(values, item, names) for item in value.values())
        case ir.Union(members):
            return _builds(_member(members, value, names), value, names)
        case _:
            return False


def _mixes(type_: ir.Type, names: PythonNames) -> bool:
    # A list of several classes: no expression has that type without a cast.
    match type_:
        case ir.Reference(name):
            item = names.declared[name]
            return isinstance(item, ir.Alias) and _mixes(item.type, names)
        case ir.Array(ir.Union() as union) | ir.Map(ir.Union() as union):
            return any(isinstance(member, ir.Reference) for member in union.members)
        case ir.Array(ir.Reference(name)) | ir.Map(ir.Reference(name)):
            item = names.declared[name]
            return isinstance(item, ir.Alias) and isinstance(item.type, ir.Union)
        case _:
            return False
