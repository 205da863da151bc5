"""Questions about constraints that decide which type they get, and whether it needs a name."""

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from scaffold.generator import ir
from scaffold.generator._schema.documents.documents import Documents
from scaffold.generator._schema.types.constraints import (
    ANY_TYPE,
    OBJECT_TYPE,
    Constraints,
    collect,
)
from scaffold.generator._source.json_values import type_of

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
