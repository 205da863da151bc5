"""Questions about constraints that decide which type they get, and whether it needs a name.

For a union: the property that distinguishes the members, and the simplest form of the type.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TypeAlias

from scaffold.generator import ir
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.types.collect_constraints import collect
from scaffold.generator._schema.types.constraints import ANY_TYPE, OBJECT_TYPE, Constraints
from scaffold.generator._source.json_values import canonical, type_of

_OBJECTS_OR_NULL = OBJECT_TYPE | {"null"}

TypeKey: TypeAlias = tuple[tuple[int, ...], bool]
"""What is declared: the key of its constraints, and whether it is a record."""


@dataclass(eq=False)
class ConstraintReader:
    """Collects the constraints of schemas, as types need them."""

    documents: Documents
    _objects: dict[tuple[tuple[int, ...], frozenset[str]], bool] = field(
        default_factory=dict[tuple[tuple[int, ...], frozenset[str]], bool]
    )
    """Which constraints allow objects only."""

    def collect(self, schemas: tuple[ir.Json, ...]) -> Constraints:
        """Combine constraints; leave unions that do not change the type to the schema."""
        constraints = collect(self.documents, schemas)
        if not constraints.branches:
            return constraints
        base = replace(constraints, branches=())
        first, *others = constraints.branches
        told = base.bare or any(
            _says_more(collect(self.documents, (member,)), base) for member in first.members
        )
        unsaid = others if told else constraints.branches
        left = constraints.left.union(branches.keyword for branches in unsaid)
        return replace(constraints, branches=(first,) if told else (), left=left)

    def allows_only_objects(self, constraints: Constraints) -> bool:
        known = constraints.key, constraints.types
        if known not in self._objects:
            self._objects[known] = self._find_only_objects(constraints)
        return self._objects[known]

    def _find_only_objects(self, constraints: Constraints) -> bool:
        if constraints.choice is not None:
            return all(type_of(value) == "object" for value in constraints.choice)
        if constraints.types <= OBJECT_TYPE:
            return True
        return any(
            all(self.allows_only_objects(self.collect((member,))) for member in branches.members)
            for branches in constraints.branches
        )


def is_anything(constraints: Constraints) -> bool:
    return constraints.types == ANY_TYPE and constraints.bare


def type_key(constraints: Constraints) -> TypeKey:
    is_object = constraints.types == OBJECT_TYPE and constraints.record
    return constraints.key, is_object and constraints.choice is None and not constraints.branches


def is_nullable_record(constraints: Constraints) -> bool:
    return (
        constraints.types == _OBJECTS_OR_NULL
        and type_key(replace(constraints, types=OBJECT_TYPE))[1]
    )


def _says_more(member: Constraints, base: Constraints) -> bool:
    """Tell whether a member of a union adds anything to the type of the value."""
    return bool(
        member.properties.keys() - base.properties.keys()
        or member.items
        or member.choice is not None
        or member.branches
        or (member.types & base.types) != base.types
        or any(member.properties)
    )


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
