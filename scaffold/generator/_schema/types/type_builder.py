"""Builds types from schemas: each type is declared once and named once for all languages.

A type is never stricter than its schema. The ledger of each declaration records which keywords its
type enforces, and which it leaves to the schema.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from scaffold.generator import ir
from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS
from scaffold.generator._schema.documents.annotations import (
    find_annotations,
    find_description,
    find_title,
)
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.types.constraint_reader import (
    ConstraintReader,
    TypeKey,
    are_disjoint,
    discriminator,
    is_anything,
    is_nullable_record,
    member_label,
    simplify_union,
    type_key,
)
from scaffold.generator._schema.types.constraints import (
    ANY_TYPE,
    OBJECT_TYPE,
    Constraints,
    merge,
)
from scaffold.generator._schema.types.enforcement import OBJECT_KEYWORDS, EnforcementLedger
from scaffold.generator._schema.types.scalar_types import (
    integer_type,
    is_imprecise,
    number_type,
    size_bound,
    string_type,
)
from scaffold.generator._schema.types.type_names import TypeNames, UsageContext
from scaffold.generator._schema.types.value_matches import matches_type
from scaffold.generator._source.json_values import type_of

MAX_LITERALS = 1000
"""Fixed values that a type lists; of more it is said only what sort they are."""

MAX_UNION_MEMBERS = 250
"""Types that a union lists; more are any value. The schema is enforced all the same."""


_CHOOSING = frozenset({"enum", "const", "type"})
_CLOSING = frozenset({"additionalProperties", "unevaluatedProperties"})


_ORDER = ("boolean", "integer", "number", "string", "array", "object", "null")
"""How JSON types stand in a union."""


@dataclass(eq=False)
class TypeBuilder:
    """Builds and declares the types of one kind."""

    documents: Documents
    names: TypeNames
    reader: ConstraintReader
    types: dict[str, ir.Declaration] = field(default_factory=dict[str, ir.Declaration])
    """What is declared, by name."""
    _named: dict[TypeKey, str] = field(default_factory=dict[TypeKey, str])
    """The names of declarations, finished or not."""
    _active: list[TypeKey] = field(default_factory=list[TypeKey])
    """What is being shaped just now, outermost first."""
    _owners: list[str] = field(default_factory=list[str])
    """The names of the declarations that are being made, outermost first."""
    _ledgers: dict[str, EnforcementLedger] = field(
        default_factory=lambda: defaultdict(EnforcementLedger)
    )
    _uses: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def declare_payload(self, schema: ir.Json, constraints: Constraints, name: str) -> None:
        """Declare the type `name` of a payload, and all types that it consists of."""
        self.names.payload = name
        if constraints.primary is schema and type_key(constraints) not in self._named:
            self._declare(constraints, name)
            return
        self._owners.append(name)
        type_ = self._build_type(constraints, UsageContext(name, "value"))
        self._owners.pop()
        self.types[name] = ir.Alias(name, find_description(self.documents, (schema,)), type_)

    def ledgers_of(self, name: str) -> list[EnforcementLedger]:
        """Return the ledgers of a declared type, and of all types that it consists of."""
        return [self._ledgers[reached] for reached in self._reach(name)]

    def _reach(self, name: str) -> set[str]:
        reached, pending = {name}, [name]
        while pending:
            fresh = self._uses.get(pending.pop(), set()) - reached
            reached |= fresh
            pending += fresh
        return reached

    @property
    def _ledger(self) -> EnforcementLedger:
        return self._ledgers[self._owners[-1]]

    def _anything(self, constraints: Constraints) -> ir.Type:
        self._ledger.leave_to_schema(constraints)
        return ir.Anything()

    def _use(self, name: str) -> ir.Reference:
        self._uses.setdefault(self._owners[-1], set()).add(name)
        return ir.Reference(name)

    def _build_type(self, constraints: Constraints, context: UsageContext) -> ir.Type:
        """Return the type of a value, declaring what has a name of its own."""
        token = type_key(constraints)
        if not constraints.key:
            return self._inline(constraints, context)
        if is_nullable_record(constraints):
            # The object has the name, so that `Thing | None` is written where it is used.
            record = self._build_type(replace(constraints, types=OBJECT_TYPE), context)
            return simplify_union([record, ir.Null()])
        if token in self._named and self._may_refer(token):
            return self._use(self._named[token])
        if token in self._active:
            return self._anything(constraints)
        if token[1] or self.names.is_definition(self.documents, constraints):
            name = self.names.choose(self.documents, constraints, context)
            self._declare(constraints, name)
            return self._use(name)
        self._active.append(token)
        type_ = self._inline(constraints, context)
        self._active.pop()
        return type_

    def _may_refer(self, token: TypeKey) -> bool:
        """Tell whether a name may stand here: an alias may contain itself only in a record."""
        if token not in self._active:
            return True
        return any(is_record for _, is_record in self._active[self._active.index(token) :])

    def _declare(self, constraints: Constraints, name: str) -> None:
        token = type_key(constraints)
        self._named[token] = name
        self._active.append(token)
        self._owners.append(name)
        home = constraints.primary
        description = find_description(self.documents, (home,))
        description = description or find_title(self.documents, home, unlike=name)
        declaration: ir.Declaration
        if token[1]:
            self._ledger.record(constraints)
            fields = tuple(self._fields(constraints, name))
            if constraints.values and not is_anything(self.reader.collect(constraints.values)):
                self._ledger.leave_to_schema(constraints, _CLOSING)
            declaration = ir.Record(
                name, description, fields, "forbid" if constraints.closed else "allow"
            )
        else:
            type_ = self._inline(constraints, UsageContext(name, "item"))
            declaration = ir.Alias(name, description, type_)
        self._owners.pop()
        self._active.pop()
        self.types[name] = declaration

    def _fields(self, constraints: Constraints, owner: str) -> Iterator[ir.Field]:
        unnamed = [name for name in constraints.required if name not in constraints.properties]
        if unnamed and constraints.closed:
            self._ledger.leave_to_schema(constraints, _CLOSING)
        named = constraints.properties | dict.fromkeys(unnamed, (True,))
        required = frozenset(constraints.required)
        for name, schemas in named.items():
            type_ = self._build_type(self.reader.collect(schemas), UsageContext(owner, name))
            defaults = find_annotations(self.documents, schemas, "default")
            good = [value for value in defaults[:1] if matches_type(value, type_, self.types)]
            yield ir.Field(
                name=name,
                type=type_,
                required=name in required,
                description=find_description(self.documents, schemas),
                has_default=bool(good),
                default=good[0] if good else None,
                deprecated=True in find_annotations(self.documents, schemas, "deprecated"),
            )

    def _inline(self, constraints: Constraints, context: UsageContext) -> ir.Type:
        """Return the type itself, whether or not it has a name."""
        if constraints.choice is not None:
            return self._choice(constraints, context)
        if constraints.branches:
            return self._union(constraints, context)
        if not is_anything(constraints) and (
            constraints.types == ANY_TYPE or not constraints.types
        ):
            return self._anything(constraints)
        # Of a record its declaration gives account.
        self._ledger.record(
            constraints,
            OBJECT_KEYWORDS if constraints.record and constraints.types >= OBJECT_TYPE else (),
        )
        if is_anything(constraints):
            return ir.Anything()
        covered = {"integer"} if "number" in constraints.types else set[str]()
        names = [name for name in _ORDER if name in constraints.types - covered]
        return simplify_union([self._single(name, constraints, context) for name in names])

    def _choice(self, constraints: Constraints, context: UsageContext) -> ir.Type:
        assert constraints.choice is not None
        self._ledger.record(constraints)
        if not replace(constraints, choice=None).bare:
            self._ledger.leave_to_schema(constraints, ASSERTIONS - _CHOOSING)
        values = [value for value in constraints.choice if type_of(value) in constraints.types]
        unnamed = any(isinstance(value, dict | list | float) for value in values)
        if unnamed or not 0 < len(values) <= MAX_LITERALS:
            self._ledger.leave_to_schema(
                constraints, _CHOOSING if not values else {"enum", "const"}
            )
            types = frozenset(type_of(value) for value in values)
            return self._inline(
                Constraints(constraints.key, (), constraints.primary, types), context
            )
        type_ = simplify_union([ir.Choice(tuple(values))])
        if is_imprecise(type_, self.types):
            self._ledger.leave_to_schema(constraints, _CHOOSING)
        return type_

    def _union(self, constraints: Constraints, context: UsageContext) -> ir.Type:
        (branches,) = constraints.branches
        if len(branches.members) > MAX_UNION_MEMBERS:
            return self._anything(constraints)
        base = replace(constraints, branches=())
        members: list[Constraints] = []
        for schema in branches.members:
            member = self.reader.collect((schema,))
            whole = base.bare and member.types <= base.types
            together = member if whole else merge(member, base)
            if together.types and schema is not False:
                members.append(together)
        key = discriminator(self.documents, members)
        if not members:
            return self._anything(constraints)
        words = [member_label(self.documents, member, key) for member in members]
        types = [
            self._build_type(member, UsageContext(context.owner, context.word, word))
            for member, word in zip(members, words, strict=True)
        ]
        type_ = simplify_union(types, key)
        # Each member gives account of what it shares with this.
        own = {"type", branches.keyword[1]}
        self._ledger.record(constraints, ASSERTIONS - own)
        if is_imprecise(type_, self.types):
            self._ledger.leave_to_schema(constraints, {"type"})
        if branches.exclusive and not are_disjoint(self.documents, members):
            self._ledger.left.add(branches.keyword)
        return type_

    def _single(self, name: str, constraints: Constraints, context: UsageContext) -> ir.Type:
        """Return the type of the values of one JSON type."""
        types: dict[str, Callable[[], ir.Type]] = {
            "boolean": ir.Boolean,
            "integer": lambda: integer_type(constraints, self._ledger),
            "number": lambda: number_type(constraints, self._ledger),
            "string": lambda: string_type(constraints, self._ledger),
            "array": lambda: self._array(constraints, context),
            "object": lambda: self._object(constraints, context),
            "null": ir.Null,
        }
        return types[name]()

    def _array(self, constraints: Constraints, context: UsageContext) -> ir.Type:
        inner = UsageContext(context.owner, context.item)
        items = (
            self._build_type(self.reader.collect(constraints.items), inner)
            if constraints.items
            else ir.Anything()
        )
        return ir.Array(
            items,
            size_bound(constraints, "minItems", self._ledger),
            size_bound(constraints, "maxItems", self._ledger),
        )

    def _object(self, constraints: Constraints, context: UsageContext) -> ir.Type:
        alone = replace(constraints, types=OBJECT_TYPE)
        if constraints.record:
            return self._build_type(alone, context)
        inner = UsageContext(context.owner, f"{context.word}_value")
        values = (
            self._build_type(self.reader.collect(constraints.values), inner)
            if constraints.values
            else ir.Anything()
        )
        return ir.Map(values)
