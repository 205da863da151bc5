"""Builds types from schemas: each type is declared once and named once for all languages.

A type is never stricter than its schema. The ledger of each declaration records which keywords its
type enforces, and which it leaves to the schema.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

from scaffold.generator import ir
from scaffold.generator._hookspec.naming import pascal_case
from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS
from scaffold.generator._schema.documents.annotations import find_annotations
from scaffold.generator._schema.documents.documents import Document, Documents
from scaffold.generator._schema.types.constraints import (
    ANY_TYPE,
    OBJECT_TYPE,
    Constraints,
    collect,
    integer_bounds,
    merge,
)
from scaffold.generator._schema.types.enforcement_ledger import OBJECT_KEYWORDS, EnforcementLedger
from scaffold.generator._schema.types.portable_patterns import to_portable
from scaffold.generator._schema.types.residual_schema import ResidualBuilder, keyword_pointers
from scaffold.generator._schema.types.type_names import TypeNames, UsageContext
from scaffold.generator._schema.types.union_types import (
    are_disjoint,
    discriminator,
    member_label,
    simplify_union,
)
from scaffold.generator._schema.types.value_matches import matches_type
from scaffold.generator._source.json_values import type_of

__all__ = ["TypeBuilder"]

MAX_LITERALS = 1000
"""Fixed values that a type lists; of more it is said only what sort they are."""

MAX_UNION_MEMBERS = 250
"""Types that a union lists; more are any value. The schema is enforced all the same."""

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest whole number that every language keeps exact (RFC 8259 section 6)."""

MAX_LITERAL_LENGTH = 60
"""Characters of a fixed text that a type lists: no line break can divide it."""

_CHOOSING = frozenset({"enum", "const", "type"})
_CLOSING = frozenset({"additionalProperties", "unevaluatedProperties"})
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")

_Bound = TypeVar("_Bound", int, float)

_ORDER = ("boolean", "integer", "number", "string", "array", "object", "null")
"""How JSON types stand in a union."""

_OBJECTS_OR_NULL = OBJECT_TYPE | {"null"}

_Token: TypeAlias = tuple[tuple[int, ...], bool]
"""What is declared: the key of its constraints, and whether it is a record."""


@dataclass(eq=False)
class TypeBuilder:
    """Builds the types of one kind's payloads."""

    documents: Documents
    names: TypeNames
    types: dict[str, ir.Declaration] = field(default_factory=dict[str, ir.Declaration])
    """What is declared, by name."""
    _named: dict[_Token, str] = field(default_factory=dict[_Token, str])
    """The names of declarations, finished or not."""
    _active: list[_Token] = field(default_factory=list[_Token])
    """What is being shaped just now, outermost first."""
    _owners: list[str] = field(default_factory=list[str])
    """The names of the declarations that are being made, outermost first."""
    _objects: dict[tuple[tuple[int, ...], frozenset[str]], bool] = field(
        default_factory=dict[tuple[tuple[int, ...], frozenset[str]], bool]
    )
    """Which constraints allow objects only."""
    _ledgers: dict[str, EnforcementLedger] = field(
        default_factory=lambda: defaultdict(EnforcementLedger)
    )
    _uses: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def payload(self, document: Document, schema: ir.Json, name: str) -> ir.Payload:
        """Build the type `name` of a payload; `schema` is its self-contained JSON Schema."""
        self.names.payload = name
        constraints = self._gather((document.value,))
        if constraints.empty_object:
            return ir.Payload(None, schema, object=True)
        own = constraints.primary is document.value and _token(constraints) not in self._named
        if own:
            self._declare(constraints, name)
        else:
            self._owners.append(name)
            type_ = self._build_type(constraints, UsageContext(name, "value"))
            self._owners.pop()
            self.types[name] = ir.Alias(name, self._describe((document.value,)), type_)
        residual, left = self._residual(document, schema, name)
        is_object = self._only_objects(constraints)
        return ir.Payload(ir.Reference(name), schema, is_object, bool(left), residual, left)

    def _residual(
        self, document: Document, schema: ir.Json, name: str
    ) -> tuple[ir.Json, tuple[str, ...]]:
        """Return what a payload leaves to its schema: as a schema, and where it stands."""
        ledgers = [self._ledgers[reached] for reached in self._reach(name)]
        if not any(ledger.left for ledger in ledgers):
            return None, ()
        residual = ResidualBuilder(self.documents, document.value, EnforcementLedger.of(ledgers))
        if not residual.needed:
            return None, ()
        left = residual.schema()
        return left, tuple(keyword_pointers(self.documents, document, schema, residual.left))

    def _reach(self, name: str) -> set[str]:
        reached, pending = {name}, [name]
        while pending:
            fresh = self._uses.get(pending.pop(), set()) - reached
            reached |= fresh
            pending += fresh
        return reached

    def _gather(self, schemas: tuple[ir.Json, ...]) -> Constraints:
        """Sum up schemas; branches that say nothing about the type_ are left to the validator."""
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

    def _only_objects(self, constraints: Constraints) -> bool:
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
            all(self._only_objects(self._gather((member,))) for member in branches.members)
            for branches in constraints.branches
        )

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
        token = _token(constraints)
        if not constraints.key:
            return self._inline(constraints, context)
        if _is_nullable_record(constraints):
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

    def _may_refer(self, token: _Token) -> bool:
        """Tell whether a name may stand here: an alias may contain itself only in a record."""
        if token not in self._active:
            return True
        return any(is_record for _, is_record in self._active[self._active.index(token) :])

    def _declare(self, constraints: Constraints, name: str) -> None:
        token = _token(constraints)
        self._named[token] = name
        self._active.append(token)
        self._owners.append(name)
        description = self._describe((constraints.primary,)) or self._title(
            constraints.primary, name
        )
        declaration: ir.Declaration
        if token[1]:
            self._ledger.record(constraints)
            fields = tuple(self._fields(constraints, name))
            if constraints.values and not _is_anything(self._gather(constraints.values)):
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
        for name, schemas in named.items():
            type_ = self._build_type(self._gather(schemas), UsageContext(owner, name))
            defaults = self._notes(schemas, "default")
            good = [value for value in defaults[:1] if matches_type(value, type_, self.types)]
            yield ir.Field(
                name=name,
                type=type_,
                required=name in constraints.required,
                description=self._describe(schemas),
                has_default=bool(good),
                default=good[0] if good else None,
                deprecated=True in self._notes(schemas, "deprecated"),
            )

    def _inline(self, constraints: Constraints, context: UsageContext) -> ir.Type:
        """Return the type itself, whether or not it has a name."""
        if constraints.choice is not None:
            return self._choice(constraints, context)
        if constraints.branches:
            return self._union(constraints, context)
        if not _is_anything(constraints) and (
            constraints.types == ANY_TYPE or not constraints.types
        ):
            return self._anything(constraints)
        # Of a record its declaration gives account.
        self._ledger.record(
            constraints,
            OBJECT_KEYWORDS if constraints.record and constraints.types >= OBJECT_TYPE else (),
        )
        if _is_anything(constraints):
            return ir.Anything()
        spoken = (
            constraints.types - {"integer"} if "number" in constraints.types else constraints.types
        )
        names = [name for name in _ORDER if name in spoken]
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
        if self._is_vague(type_):
            self._ledger.leave_to_schema(constraints, _CHOOSING)
        return type_

    def _is_vague(self, type_: ir.Type) -> bool:
        """Tell whether a type may be taken for more than it says.

        `1` is `true` to some languages; long texts are not listed; anything is anything.
        """
        match type_:
            case ir.Choice(values):
                numbers = any(isinstance(value, int) for value in values)  # 1.0, `true`
                return numbers or any(len(str(value)) > MAX_LITERAL_LENGTH for value in values)
            case ir.Union(members):
                return any(map(self._is_vague, members))
            case ir.Reference(name):
                known = self.types.get(name)
                return not isinstance(known, ir.Record) and (
                    known is None or self._is_vague(known.type)
                )
            case _:
                return type_ == ir.Anything()

    def _union(self, constraints: Constraints, context: UsageContext) -> ir.Type:
        (branches,) = constraints.branches
        if len(branches.members) > MAX_UNION_MEMBERS:
            return self._anything(constraints)
        base = replace(constraints, branches=())
        members: list[Constraints] = []
        for schema in branches.members:
            member = self._gather((schema,))
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
        if self._is_vague(type_):
            self._ledger.leave_to_schema(constraints, {"type"})
        if branches.exclusive and not are_disjoint(self.documents, members):
            self._ledger.left.add(branches.keyword)
        return type_

    def _single(self, name: str, constraints: Constraints, context: UsageContext) -> ir.Type:
        """Return the type of the values of one JSON type."""
        types: dict[str, Callable[[], ir.Type]] = {
            "boolean": ir.Boolean,
            "integer": lambda: self._integer(constraints),
            "number": lambda: self._number(constraints),
            "string": lambda: self._string(constraints),
            "array": lambda: self._array(constraints, context),
            "object": lambda: self._object(constraints, context),
            "null": ir.Null,
        }
        return types[name]()

    def _integer(self, constraints: Constraints) -> ir.Type:
        least, most = integer_bounds(constraints)
        return ir.Integer(
            self._bound(constraints, least, _BOUNDS), self._bound(constraints, most, _BOUNDS)
        )

    def _number(self, constraints: Constraints) -> ir.Type:
        return ir.Number(
            *(
                self._bound(constraints, constraints.bounds.get(keyword), {keyword})
                for keyword in _BOUNDS
            )
        )

    def _string(self, constraints: Constraints) -> ir.Type:
        pattern = to_portable(constraints.patterns[0]) if constraints.patterns else None
        if constraints.patterns[1:] or (constraints.patterns and pattern is None):
            self._ledger.leave_to_schema(constraints, {"pattern"})
        sizes = self._size(constraints, "minLength"), self._size(constraints, "maxLength")
        return ir.String(*sizes, constraints.format, pattern)

    def _size(self, constraints: Constraints, name: str) -> int | None:
        size = int(constraints.bounds[name]) if name in constraints.bounds else None
        return self._bound(constraints, size, {name})

    def _bound(
        self, constraints: Constraints, value: _Bound | None, keywords: Collection[str]
    ) -> _Bound | None:
        """Leave bounds to the schema that no language has a number for."""
        if value is None or -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            return value
        self._ledger.leave_to_schema(constraints, keywords)
        return None

    def _array(self, constraints: Constraints, context: UsageContext) -> ir.Type:
        inner = UsageContext(context.owner, context.item)
        items = (
            self._build_type(self._gather(constraints.items), inner)
            if constraints.items
            else ir.Anything()
        )
        return ir.Array(
            items, self._size(constraints, "minItems"), self._size(constraints, "maxItems")
        )

    def _object(self, constraints: Constraints, context: UsageContext) -> ir.Type:
        alone = replace(constraints, types=OBJECT_TYPE)
        if constraints.record:
            return self._build_type(alone, context)
        inner = UsageContext(context.owner, f"{context.word}_value")
        values = (
            self._build_type(self._gather(constraints.values), inner)
            if constraints.values
            else ir.Anything()
        )
        return ir.Map(values)

    def _notes(self, schemas: tuple[ir.Json, ...], keyword: str) -> list[ir.Json]:
        return find_annotations(self.documents, schemas, keyword)

    def _describe(self, schemas: tuple[ir.Json, ...]) -> str:
        return next((text.strip() for text in self._notes(schemas, "description")), "")

    def _title(self, schema: ir.Json, name: str) -> str:
        """Return a title that says more than the name of the type does."""
        title = next((text.strip() for text in self._notes((schema,), "title")), "")
        return "" if pascal_case(title) == name else title


def _is_anything(constraints: Constraints) -> bool:
    return constraints.types == ANY_TYPE and constraints.bare


def _token(constraints: Constraints) -> _Token:
    is_object = constraints.types == OBJECT_TYPE and constraints.record
    return constraints.key, is_object and constraints.choice is None and not constraints.branches


def _is_nullable_record(constraints: Constraints) -> bool:
    return (
        constraints.types == _OBJECTS_OR_NULL and _token(replace(constraints, types=OBJECT_TYPE))[1]
    )


def _says_more(member: Constraints, base: Constraints) -> bool:
    """Tell whether a member of a union adds to the type_ of the value."""
    return bool(
        member.properties.keys() - base.properties.keys()
        or member.items
        or member.choice is not None
        or member.branches
        or (member.types & base.types) != base.types
        or any(member.properties)
    )
