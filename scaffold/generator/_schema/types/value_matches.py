"""Whether a JSON value is one of a type: defaults are held to it before they are printed."""

from collections.abc import Mapping

from scaffold._validators import compile_schema
from scaffold.generator import ir
from scaffold.generator._source.json_values import is_list, is_object, json_equal


def matches_type(value: ir.Json, type: ir.Type, known: Mapping[str, ir.Declaration]) -> bool:
    """Tell whether a value is one of a type; types that are not declared yet fit nothing."""
    match type:
        case ir.Anything():
            return True
        case ir.Null() | ir.Boolean():
            return isinstance(value, bool) if isinstance(type, ir.Boolean) else value is None
        case ir.Integer() | ir.Number():
            return _fits_number(value, type)
        case ir.String():
            return isinstance(value, str) and _fits_text(value, type)
        case ir.Choice():
            return any(json_equal(value, choice) for choice in type.values)
        case ir.Array():
            return (
                is_list(value)
                and _within(len(value), type.min_items, type.max_items)
                and all(matches_type(item, type.items, known) for item in value)
            )
        case ir.Map():
            return is_object(value) and all(
                matches_type(item, type.values, known) for item in value.values()
            )
        case ir.Union():
            return any(matches_type(value, member, known) for member in type.members)
        case ir.Reference():
            return type.name in known and _fits_declared(value, known[type.name], known)


def _fits_number(value: ir.Json, type: ir.Integer | ir.Number) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(type, ir.Integer) and isinstance(value, float) and not value.is_integer():
        return False
    above = type.above if isinstance(type, ir.Number) else None
    below = type.below if isinstance(type, ir.Number) else None
    strictly = (above is None or above < value) and (below is None or value < below)
    return strictly and _within(value, type.minimum, type.maximum)


def _fits_text(value: str, type: ir.String) -> bool:
    if type.pattern is not None and not _is_found(type.pattern, value):
        return False
    return _within(len(value), type.min_length, type.max_length)


def _fits_declared(
    value: ir.Json, declaration: ir.Declaration, known: Mapping[str, ir.Declaration]
) -> bool:
    if isinstance(declaration, ir.Alias):
        return matches_type(value, declaration.type, known)
    if not is_object(value):
        return False
    fields = {field.name: field for field in declaration.fields}
    if declaration.extra == "forbid" and value.keys() - fields.keys():
        return False
    return all(
        matches_type(value[name], field.type, known) if name in value else not field.required
        for name, field in fields.items()
    )


def _is_found(pattern: str, text: str) -> bool:
    return compile_schema({"pattern": pattern}).is_valid(text)


def _within(size: float, least: float | None, most: float | None) -> bool:
    return (least is None or least <= size) and (most is None or size <= most)
