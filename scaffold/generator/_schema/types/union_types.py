"""Unions: the property that distinguishes the members, and the simplest form of the type."""

from collections.abc import Sequence
from itertools import combinations

from scaffold.generator import ir
from scaffold.generator._schema.documents.documents import Documents
from scaffold.generator._schema.types.constraints import OBJECT_TYPE, Constraints, collect
from scaffold.generator._source.canonical_json import canonical

_NULL = frozenset({"null"})


def discriminator(documents: Documents, members: Sequence[Constraints]) -> str | None:
    """Return the required property whose literal texts distinguish the objects, if there is one.

    `null` differs from objects by its type, and needs no such text.
    """
    members = [member for member in members if member.types != _NULL]
    if any(member.types != OBJECT_TYPE for member in members):
        return None
    for name in members[0].properties if len(members) > 1 else ():
        texts = [_literals(documents, member, name) for member in members]
        if all(texts) and _are_distinct(texts):
            return name
    return None


def are_disjoint(documents: Documents, members: Sequence[Constraints]) -> bool:
    """Return whether it is certain that no value matches two members."""
    if discriminator(documents, members):
        return True
    return all(_differ(one, two) for one, two in combinations(members, 2))


def member_label(documents: Documents, member: Constraints, key: str | None) -> str:
    """Find a word for a member of a union that has no name of its own."""
    texts = [] if key is None else _literals(documents, member, key)
    if texts:
        return texts[0]
    names = [*member.required, *member.properties]
    return f"with_{names[0]}" if names else "object"


def simplify_union(members: Sequence[ir.Type], key: str | None = None) -> ir.Type:
    """Write a union: flat, every member once, literals together, one member as itself."""
    if len(members) == 1 and not isinstance(members[0], ir.Union | ir.Choice):
        return members[0]
    flat = [
        part
        for member in members
        for part in (member.members if isinstance(member, ir.Union) else (member,))
    ]
    if ir.Anything() in flat:
        return ir.Anything()
    values: dict[str, str | int | bool | None] = {}
    for part in flat:
        for value in part.values if isinstance(part, ir.Choice) else ():
            values.setdefault(canonical(value), value)
    literal = _literal(values)
    distinct = tuple(
        dict.fromkeys(literal if isinstance(part, ir.Choice) else part for part in flat)
    )
    return distinct[0] if len(distinct) == 1 else ir.Union(distinct, key)


def _literal(values: dict[str, str | int | bool | None]) -> ir.Type:
    """Write literals, by their canonical form, as the shortest type."""
    if values.keys() == {"null"}:
        return ir.Null()
    if values.keys() == {"false", "true"}:
        return ir.Boolean()
    return ir.Choice(tuple(values.values()))


def _literals(documents: Documents, member: Constraints, name: str) -> list[str]:
    """Return the texts that a required property may have, if those are all it may be."""
    if name not in member.required or name not in member.properties:
        return []
    choice = collect(documents, member.properties[name]).choice or ()
    return list(choice) if all(isinstance(value, str) for value in choice) else []


def _are_distinct(lists: Sequence[Sequence[ir.Json]]) -> bool:
    values = [value for values in lists for value in values]
    return len(set(values)) == len(values)


def _differ(one: Constraints, two: Constraints) -> bool:
    if not one.types & two.types:
        return True
    if one.choice is None or two.choice is None:
        return False
    return {canonical(value) for value in one.choice}.isdisjoint(map(canonical, two.choice))
