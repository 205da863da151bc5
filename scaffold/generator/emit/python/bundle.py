"""All types of a kind as one plain JSON Schema, for datamodel-code-generator.

It holds structure and nothing else: no text, no defaults, no names that Python would refuse, every
property required. What is left out is printed by our own templates, which know the kind.
"""

from dataclasses import replace

from scaffold.generator import ir
from scaffold.generator.emit.python.names import Names

__all__ = ["accepts_null", "bundle", "is_recursive", "widens"]

RUNTIME = "scaffold.contract"


def bundle(names: Names) -> ir.Json:
    """Describe every declared type of a kind."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {names.types[item.name]: _declaration(item, names) for item in names.kind.types},
    }


def widens(type_: ir.Type | None, kind: ir.Kind) -> bool:
    """Tell whether a Python type accepts values that `type_` does not.

    Bounds are kept where they stand on a property or a named type, not deeper; and Python takes
    `true` for the literal `1`, and `0` for the literal `false`.
    """
    if type_ is None:
        return False
    return any(_loses(item) for item in _reachable(type_, {item.name: item for item in kind.types}))


def is_recursive(alias: ir.Alias, kind: ir.Kind) -> bool:
    """Tell whether an alias leads to itself with no object between, which needs a lazy alias."""
    aliases = {item.name: item.type for item in kind.types if isinstance(item, ir.Alias)}
    seen: set[str] = set()
    waiting = [alias.type]
    while waiting:
        for name in _references(waiting.pop()):
            if name == alias.name:
                return True
            if name in aliases and name not in seen:
                seen.add(name)
                waiting.append(aliases[name])
    return False


def accepts_null(type_: ir.Type, kind: ir.Kind) -> bool:
    """Tell whether `null` is a value of a type."""
    match type_:
        case ir.Anything() | ir.Null():
            return True
        case ir.Choice(values):
            return None in values
        case ir.Union(members):
            return any(accepts_null(member, kind) for member in members)
        case ir.Reference(name):
            aliases = {item.name: item.type for item in kind.types if isinstance(item, ir.Alias)}
            return name in aliases and accepts_null(aliases[name], kind)
        case _:
            return False


def _declaration(item: ir.Declaration, names: Names) -> ir.Json:
    if isinstance(item, ir.Alias):
        return _schema(item.type, names) | _bounds(item.type)
    attributes = names.fields[item.name]
    return {
        "type": "object",
        "required": list(attributes.values()),
        "properties": {
            attributes[field.name]: _schema(field.type, names) | _bounds(field.type)
            for field in item.fields
        },
    }


_PLAIN: dict[type[ir.Type], dict[str, ir.Json]] = {
    ir.Anything: {"customTypePath": f"{RUNTIME}.Json"},
    # Not as `null`: a name for it would be taken for one that may be absent.
    ir.Null: {"customTypePath": "types.NoneType"},
    ir.Boolean: {"type": "boolean"},
    ir.Integer: {"type": "integer", "customTypePath": f"{RUNTIME}.Integer"},
    ir.Number: {"type": "number", "customTypePath": f"{RUNTIME}.Number"},
    ir.String: {"type": "string"},
}


def _schema(type_: ir.Type, names: Names) -> dict[str, ir.Json]:
    match type_:
        case ir.Choice(values):
            return _choice(values)
        case ir.Array(items):
            return {"type": "array", "items": _part(items, names)}
        case ir.Map(ir.Anything()):
            return {"customTypePath": f"{RUNTIME}.JsonObject"}
        case ir.Map(values):
            return {"type": "object", "additionalProperties": _part(values, names)}
        case ir.Reference(name):
            return {"$ref": f"#/$defs/{names.types[name]}"}
        case ir.Union(members):
            return _union(type_, members, names)
        case _:
            return dict(_PLAIN[type(type_)])


def _part(type_: ir.Type, names: Names) -> dict[str, ir.Json]:
    # A tag in there would have to be declared, and so get a name; the union does without.
    return _schema(
        replace(type_, discriminator=None) if isinstance(type_, ir.Union) else type_, names
    )


def _choice(values: tuple[str | int | bool | None, ...]) -> dict[str, ir.Json]:
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return dict(_PLAIN[ir.Null])
    if kinds == {str} and any(len(str(value)) > LONGEST for value in values):
        return {"type": ["string", "null"] if None in values else "string"}
    if {bool, int} <= kinds:
        return {"customTypePath": f"{RUNTIME}.Json"}
    return {"enum": list(values)}


LONGEST = 60
"""Characters of a string that may stand in a `Literal`, which no line break can divide."""


def _union(type_: ir.Union, members: tuple[ir.Type, ...], names: Names) -> dict[str, ir.Json]:
    schemas = [_schema(member, names) for member in members]
    tag = _tag(type_, names)
    if tag is None:
        return {"anyOf": schemas}
    return {"oneOf": schemas, "discriminator": {"propertyName": tag}}


def _tag(type_: ir.Union, names: Names) -> str | None:
    if type_.discriminator is None:
        return None
    records = {item.name: item for item in names.kind.types if isinstance(item, ir.Record)}
    tags: set[str] = set()
    for member in type_.members:
        if not isinstance(member, ir.Reference) or member.name not in records:
            return None
        fields = {field.name: field for field in records[member.name].fields}
        field = fields.get(type_.discriminator)
        if field is None or not field.required or not _is_tag(field.type):
            return None
        tags.add(names.fields[member.name][field.name])
    return tags.pop() if len(tags) == 1 else None


def _is_tag(type_: ir.Type) -> bool:
    return isinstance(type_, ir.Choice) and "enum" in _choice(type_.values)


def _bounds(type_: ir.Type) -> dict[str, ir.Json]:
    match type_:
        case ir.Integer(low, high) | ir.Number(low, high):
            bounds = {"minimum": low, "maximum": high}
        case ir.String(low, high):
            bounds = {"minLength": low, "maxLength": high}
        case ir.Array(_, low, high):
            bounds = {"minItems": low, "maxItems": high}
        case _:
            bounds = {}
    return {key: bound for key, bound in bounds.items() if bound is not None}


def _inner(type_: ir.Type) -> tuple[ir.Type, ...]:
    match type_:
        case ir.Array(inner) | ir.Map(inner):
            return (inner,)
        case ir.Union(members):
            return members
        case _:
            return ()


def _references(type_: ir.Type) -> set[str]:
    if isinstance(type_, ir.Reference):
        return {type_.name}
    return {name for inner in _inner(type_) for name in _references(inner)}


def _reachable(start: ir.Type, declared: dict[str, ir.Declaration]) -> list[ir.Type]:
    # Every type that stands on a property or under a name, from `start` on.
    found: list[ir.Type] = [ir.Array(start)]
    waiting = [start]
    seen: set[str] = set()
    while waiting:
        for name in sorted(_references(waiting.pop()) - seen):
            seen.add(name)
            item = declared[name]
            types = (
                [item.type] if isinstance(item, ir.Alias) else [field.type for field in item.fields]
            )
            found += types
            waiting += types
    return found


def _loses(type_: ir.Type, *, deep: bool = False) -> bool:
    if deep and _bounds(type_):
        return True
    if isinstance(type_, ir.Choice):
        numbers = any(isinstance(value, int) for value in type_.values)
        return numbers or "enum" not in _choice(type_.values)
    return any(_loses(inner, deep=True) for inner in _inner(type_))
