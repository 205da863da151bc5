"""The typing view: schemas become types, each declared once and named once for all languages.

A type is never stricter than its schema. What the type says of it, and what it leaves to it, goes
into the ledger of the declaration.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

from scaffold.generator import ir
from scaffold.generator._hookspec.naming import pascal
from scaffold.generator._schema.dialects.vocabulary import ASSERTIONS
from scaffold.generator._schema.documents.annotations import notes
from scaffold.generator._schema.documents.documents import Document, Documents
from scaffold.generator._schema.types.constraints import (
    ANY,
    OBJECTS,
    Facts,
    gather,
    merge,
    whole_bounds,
)
from scaffold.generator._schema.types.enforcement_ledger import OF_OBJECTS, Ledger
from scaffold.generator._schema.types.portable_patterns import portable
from scaffold.generator._schema.types.residual_schema import Residual, places
from scaffold.generator._schema.types.type_names import Context, TypeNames
from scaffold.generator._schema.types.union_types import are_disjoint, discriminator, label, tidy
from scaffold.generator._schema.types.value_matches import fits
from scaffold.generator._source.json_values import type_of

__all__ = ["Shaper"]

MOST_LITERALS = 1000
"""Fixed values that a type lists; of more it is said only what sort they are."""

MOST_MEMBERS = 250
"""Types that a union lists; more are any value. The schema is enforced all the same."""

MOST = 2**53 - 1
"""The largest whole number that every language keeps exact (RFC 8259 section 6)."""

LONGEST_LITERAL = 60
"""Characters of a fixed text that a type lists: no line break can divide it."""

_CHOOSING = frozenset({"enum", "const", "type"})
_CLOSING = frozenset({"additionalProperties", "unevaluatedProperties"})
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")

_Bound = TypeVar("_Bound", int, float)

_ORDER = ("boolean", "integer", "number", "string", "array", "object", "null")
"""How JSON types stand in a union."""

_OBJECTS_OR_NULL = OBJECTS | {"null"}

_Token: TypeAlias = tuple[tuple[int, ...], bool]
"""What is declared: the key of its facts, and whether it is a record."""


@dataclass(eq=False)
class Shaper:
    """Shapes the payloads of one kind, in the order in which they are asked for."""

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
    """Which facts allow objects only."""
    _ledgers: dict[str, Ledger] = field(default_factory=lambda: defaultdict(Ledger))
    _uses: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def payload(self, document: Document, schema: ir.Json, name: str) -> ir.Payload:
        """Shape a payload. `name` is the type's; `schema` is the self-contained form."""
        self.names.payload = name
        facts = self._gather((document.value,))
        if facts.empty_object:
            return ir.Payload(None, schema, object=True)
        own = facts.home is document.value and _token(facts) not in self._named
        if own:
            self._declare(facts, name)
        else:
            self._owners.append(name)
            shape = self._shape(facts, Context(name, "value"))
            self._owners.pop()
            self.types[name] = ir.Alias(name, self._describe((document.value,)), shape)
        residual, left = self._residual(document, schema, name)
        is_object = self._only_objects(facts)
        return ir.Payload(ir.Reference(name), schema, is_object, bool(left), residual, left)

    def _residual(
        self, document: Document, schema: ir.Json, name: str
    ) -> tuple[ir.Json, tuple[str, ...]]:
        """Return what a payload leaves to its schema: as a schema, and where it stands."""
        ledgers = [self._ledgers[reached] for reached in self._reach(name)]
        if not any(ledger.left for ledger in ledgers):
            return None, ()
        residual = Residual(self.documents, document.value, Ledger.of(ledgers))
        if not residual.needed:
            return None, ()
        left = residual.schema()
        return left, tuple(places(self.documents, document, schema, residual.left))

    def _reach(self, name: str) -> set[str]:
        reached, pending = {name}, [name]
        while pending:
            fresh = self._uses.get(pending.pop(), set()) - reached
            reached |= fresh
            pending += fresh
        return reached

    def _gather(self, schemas: tuple[ir.Json, ...]) -> Facts:
        """Sum up schemas; branches that say nothing about the shape are left to the validator."""
        facts = gather(self.documents, schemas)
        if not facts.branches:
            return facts
        base = replace(facts, branches=())
        first, *others = facts.branches
        told = base.bare or any(
            _says_more(gather(self.documents, (member,)), base) for member in first.members
        )
        unsaid = others if told else facts.branches
        left = facts.left.union(branches.keyword for branches in unsaid)
        return replace(facts, branches=(first,) if told else (), left=left)

    def _only_objects(self, facts: Facts) -> bool:
        known = facts.key, facts.types
        if known not in self._objects:
            self._objects[known] = self._find_only_objects(facts)
        return self._objects[known]

    def _find_only_objects(self, facts: Facts) -> bool:
        if facts.choice is not None:
            return all(type_of(value) == "object" for value in facts.choice)
        if facts.types <= OBJECTS:
            return True
        return any(
            all(self._only_objects(self._gather((member,))) for member in branches.members)
            for branches in facts.branches
        )

    @property
    def _ledger(self) -> Ledger:
        return self._ledgers[self._owners[-1]]

    def _anything(self, facts: Facts) -> ir.Type:
        self._ledger.leave(facts)
        return ir.Anything()

    def _use(self, name: str) -> ir.Reference:
        self._uses.setdefault(self._owners[-1], set()).add(name)
        return ir.Reference(name)

    def _shape(self, facts: Facts, context: Context) -> ir.Type:
        """Return the type of a value, declaring what has a name of its own."""
        token = _token(facts)
        if not facts.key:
            return self._inline(facts, context)
        if _is_nullable_record(facts):
            # The object has the name, so that `Thing | None` is written where it is used.
            record = self._shape(replace(facts, types=OBJECTS), context)
            return tidy([record, ir.Null()])
        if token in self._named and self._may_refer(token):
            return self._use(self._named[token])
        if token in self._active:
            return self._anything(facts)
        if token[1] or self.names.is_definition(self.documents, facts):
            name = self.names.choose(self.documents, facts, context)
            self._declare(facts, name)
            return self._use(name)
        self._active.append(token)
        shape = self._inline(facts, context)
        self._active.pop()
        return shape

    def _may_refer(self, token: _Token) -> bool:
        """Tell whether a name may stand here: an alias may contain itself only in a record."""
        if token not in self._active:
            return True
        return any(is_record for _, is_record in self._active[self._active.index(token) :])

    def _declare(self, facts: Facts, name: str) -> None:
        token = _token(facts)
        self._named[token] = name
        self._active.append(token)
        self._owners.append(name)
        description = self._describe((facts.home,)) or self._title(facts.home, name)
        declaration: ir.Declaration
        if token[1]:
            self._ledger.enter(facts)
            fields = tuple(self._fields(facts, name))
            if facts.values and not _is_anything(self._gather(facts.values)):
                self._ledger.leave(facts, _CLOSING)
            declaration = ir.Record(
                name, description, fields, "forbid" if facts.closed else "allow"
            )
        else:
            shape = self._inline(facts, Context(name, "item"))
            declaration = ir.Alias(name, description, shape)
        self._owners.pop()
        self._active.pop()
        self.types[name] = declaration

    def _fields(self, facts: Facts, owner: str) -> Iterator[ir.Field]:
        unnamed = [name for name in facts.required if name not in facts.properties]
        if unnamed and facts.closed:
            self._ledger.leave(facts, _CLOSING)
        named = facts.properties | dict.fromkeys(unnamed, (True,))
        for name, schemas in named.items():
            shape = self._shape(self._gather(schemas), Context(owner, name))
            defaults = self._notes(schemas, "default")
            good = [value for value in defaults[:1] if fits(value, shape, self.types)]
            yield ir.Field(
                name=name,
                type=shape,
                required=name in facts.required,
                description=self._describe(schemas),
                has_default=bool(good),
                default=good[0] if good else None,
                deprecated=True in self._notes(schemas, "deprecated"),
            )

    def _inline(self, facts: Facts, context: Context) -> ir.Type:
        """Return the type itself, whether or not it has a name."""
        if facts.choice is not None:
            return self._choice(facts, context)
        if facts.branches:
            return self._union(facts, context)
        if not _is_anything(facts) and (facts.types == ANY or not facts.types):
            return self._anything(facts)
        # Of a record its declaration gives account.
        self._ledger.enter(facts, OF_OBJECTS if facts.record and facts.types >= OBJECTS else ())
        if _is_anything(facts):
            return ir.Anything()
        spoken = facts.types - {"integer"} if "number" in facts.types else facts.types
        names = [name for name in _ORDER if name in spoken]
        return tidy([self._single(name, facts, context) for name in names])

    def _choice(self, facts: Facts, context: Context) -> ir.Type:
        assert facts.choice is not None
        self._ledger.enter(facts)
        if not replace(facts, choice=None).bare:
            self._ledger.leave(facts, ASSERTIONS - _CHOOSING)
        values = [value for value in facts.choice if type_of(value) in facts.types]
        unnamed = any(isinstance(value, dict | list | float) for value in values)
        if unnamed or not 0 < len(values) <= MOST_LITERALS:
            self._ledger.leave(facts, _CHOOSING if not values else {"enum", "const"})
            types = frozenset(type_of(value) for value in values)
            return self._inline(Facts(facts.key, (), facts.home, types), context)
        shape = tidy([ir.Choice(tuple(values))])
        if self._is_vague(shape):
            self._ledger.leave(facts, _CHOOSING)
        return shape

    def _is_vague(self, shape: ir.Type) -> bool:
        """Tell whether a type may be taken for more than it says.

        `1` is `true` to some languages; long texts are not listed; anything is anything.
        """
        match shape:
            case ir.Choice(values):
                numbers = any(isinstance(value, int) for value in values)  # 1.0, `true`
                return numbers or any(len(str(value)) > LONGEST_LITERAL for value in values)
            case ir.Union(members):
                return any(map(self._is_vague, members))
            case ir.Reference(name):
                known = self.types.get(name)
                return not isinstance(known, ir.Record) and (
                    known is None or self._is_vague(known.type)
                )
            case _:
                return shape == ir.Anything()

    def _union(self, facts: Facts, context: Context) -> ir.Type:
        (branches,) = facts.branches
        if len(branches.members) > MOST_MEMBERS:
            return self._anything(facts)
        base = replace(facts, branches=())
        members: list[Facts] = []
        for schema in branches.members:
            member = self._gather((schema,))
            whole = base.bare and member.types <= base.types
            together = member if whole else merge(member, base)
            if together.types and schema is not False:
                members.append(together)
        key = discriminator(self.documents, members)
        if not members:
            return self._anything(facts)
        words = [label(self.documents, member, key) for member in members]
        shapes = [
            self._shape(member, Context(context.owner, context.word, word))
            for member, word in zip(members, words, strict=True)
        ]
        shape = tidy(shapes, key)
        # Each member gives account of what it shares with this.
        own = {"type", branches.keyword[1]}
        self._ledger.enter(facts, ASSERTIONS - own)
        if self._is_vague(shape):
            self._ledger.leave(facts, {"type"})
        if branches.exclusive and not are_disjoint(self.documents, members):
            self._ledger.left.add(branches.keyword)
        return shape

    def _single(self, name: str, facts: Facts, context: Context) -> ir.Type:
        """Return the type of the values of one JSON type."""
        shapes: dict[str, Callable[[], ir.Type]] = {
            "boolean": ir.Boolean,
            "integer": lambda: self._integer(facts),
            "number": lambda: self._number(facts),
            "string": lambda: self._string(facts),
            "array": lambda: self._array(facts, context),
            "object": lambda: self._object(facts, context),
            "null": ir.Null,
        }
        return shapes[name]()

    def _integer(self, facts: Facts) -> ir.Type:
        least, most = whole_bounds(facts)
        return ir.Integer(self._bound(facts, least, _BOUNDS), self._bound(facts, most, _BOUNDS))

    def _number(self, facts: Facts) -> ir.Type:
        return ir.Number(
            *(self._bound(facts, facts.bounds.get(keyword), {keyword}) for keyword in _BOUNDS)
        )

    def _string(self, facts: Facts) -> ir.Type:
        pattern = portable(facts.patterns[0]) if facts.patterns else None
        if facts.patterns[1:] or (facts.patterns and pattern is None):
            self._ledger.leave(facts, {"pattern"})
        sizes = self._size(facts, "minLength"), self._size(facts, "maxLength")
        return ir.String(*sizes, facts.format, pattern)

    def _size(self, facts: Facts, name: str) -> int | None:
        size = int(facts.bounds[name]) if name in facts.bounds else None
        return self._bound(facts, size, {name})

    def _bound(
        self, facts: Facts, value: _Bound | None, keywords: Collection[str]
    ) -> _Bound | None:
        """Leave bounds to the schema that no language has a number for."""
        if value is None or -MOST <= value <= MOST:
            return value
        self._ledger.leave(facts, keywords)
        return None

    def _array(self, facts: Facts, context: Context) -> ir.Type:
        inner = Context(context.owner, context.item)
        items = self._shape(self._gather(facts.items), inner) if facts.items else ir.Anything()
        return ir.Array(items, self._size(facts, "minItems"), self._size(facts, "maxItems"))

    def _object(self, facts: Facts, context: Context) -> ir.Type:
        alone = replace(facts, types=OBJECTS)
        if facts.record:
            return self._shape(alone, context)
        inner = Context(context.owner, f"{context.word}_value")
        values = self._shape(self._gather(facts.values), inner) if facts.values else ir.Anything()
        return ir.Map(values)

    def _notes(self, schemas: tuple[ir.Json, ...], keyword: str) -> list[ir.Json]:
        return notes(self.documents, schemas, keyword)

    def _describe(self, schemas: tuple[ir.Json, ...]) -> str:
        return next((text.strip() for text in self._notes(schemas, "description")), "")

    def _title(self, schema: ir.Json, name: str) -> str:
        """Return a title that says more than the name of the type does."""
        title = next((text.strip() for text in self._notes((schema,), "title")), "")
        return "" if pascal(title) == name else title


def _is_anything(facts: Facts) -> bool:
    return facts.types == ANY and facts.bare


def _token(facts: Facts) -> _Token:
    is_object = facts.types == OBJECTS and facts.record
    return facts.key, is_object and facts.choice is None and not facts.branches


def _is_nullable_record(facts: Facts) -> bool:
    return facts.types == _OBJECTS_OR_NULL and _token(replace(facts, types=OBJECTS))[1]


def _says_more(member: Facts, base: Facts) -> bool:
    """Tell whether a member of a union adds to the shape of the value."""
    return bool(
        member.properties.keys() - base.properties.keys()
        or member.items
        or member.choice is not None
        or member.branches
        or (member.types & base.types) != base.types
        or any(member.properties)
    )
