"""Detection of unions that are too costly to read by trying each member.

Pydantic tries every member of a union on the whole value. If two members accept objects that have
such a union inside, each level of a payload doubles the work. If a union contains itself, the work
has no bound. This module finds such unions in the core schema that pydantic makes of a type.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from scaffold.contract._json import JSON_TYPE, Json, is_array, is_object

MAX_UNION_COST: Final = 4
"""The cost of a union with all unions inside it, as a multiple of one member, that is accepted."""

_Definitions: TypeAlias = Mapping[str, Json]

OBJECT: Final = "object"
ARRAY: Final = "array"

_ACCEPTED_CONTAINERS: Final[Mapping[str, frozenset[str]]] = {
    "model": frozenset({OBJECT}),
    "dict": frozenset({OBJECT}),
    "list": frozenset({ARRAY}),
    **dict.fromkeys(("any", "json-or-python", "function-plain"), frozenset({OBJECT, ARRAY})),
}
"""The containers that a node accepts. Other nodes accept what their inner nodes accept."""

_INNER: Final = ("schema", "choices", "json_schema")
_LITERALS: Final = frozenset({"str", "int", "float", "bool", "none", "literal"})


def union_members(union: Json) -> list[Json]:
    """Return the members of a union, without the labels that pydantic may add."""
    return [each[0] if isinstance(each, tuple) else each for each in union["choices"]]


def accepted_containers(node: Json, definitions: _Definitions) -> frozenset[str]:
    """Return which containers a node accepts: objects, arrays, both or none."""
    seen: set[str] = set()
    pending, found = [node], set[str]()
    while pending:
        each = pending.pop()
        kind = each["type"]
        if kind in _ACCEPTED_CONTAINERS:
            found |= _ACCEPTED_CONTAINERS[kind]
        elif kind == "definition-ref":
            reference = each["schema_ref"]
            if reference not in seen and reference in definitions:
                seen.add(reference)
                pending.append(definitions[reference])
        elif kind == "union":
            pending += union_members(each)
        elif kind == "tagged-union":
            pending += each["choices"].values()
        elif kind not in _LITERALS:
            pending += [each[name] for name in _INNER if is_object(each.get(name))]
    return frozenset(found)


def _competing_members(union: Json, definitions: _Definitions) -> int:
    """Return how many members of a union accept the same type of container."""
    if JSON_TYPE in (union.get("metadata") or {}):
        return 0
    sorts = [accepted_containers(each, definitions) for each in union_members(union)]
    return max(sum(sort in each for each in sorts) for sort in (OBJECT, ARRAY))


def schema_nodes(node: Json) -> Iterator[Json]:
    """Yield a node and all nodes inside it, without following references."""
    pending: list[Json] = [node]
    while pending:
        each = pending.pop()
        if is_object(each):
            if isinstance(each.get("type"), str):
                yield each
            pending += [part for name, part in each.items() if name not in _NOT_NODES]
        elif is_array(each) or isinstance(each, tuple):
            pending += each


_NOT_NODES: Final = frozenset(
    {"metadata", "config", "serialization", "definitions", "expected", "cls"}
)
"""Keys of nodes whose values have no nodes that matter."""


def costly_unions(core_schema: Json) -> dict[int, Json]:
    """Return the unions that are too costly, by identity."""
    definitions = {each["ref"]: each for each in core_schema.get("definitions", ())}
    return _CostlyUnions(definitions).of([core_schema, *definitions.values()])


class _CostlyUnions:
    def __init__(self, definitions: _Definitions) -> None:
        self._definitions = definitions
        self._reach: dict[str, set[str]] = {}
        self._costs: dict[str, int] = {}

    def of(self, sections: list[Json]) -> dict[int, Json]:
        found: dict[int, Json] = {}
        for section in sections:
            home = section.get("ref", "")
            for node in schema_nodes(section):
                if node["type"] == "union" and _competing_members(node, self._definitions) > 1:
                    returns = any(home in self._reached(name) for name in _references(node))
                    if returns or self._cost(node) > MAX_UNION_COST:
                        found[id(node)] = node
        return found

    def _reached(self, reference: str) -> set[str]:
        """Return the definitions that can be reached from one, itself included."""
        if reference not in self._reach:
            reached, pending = {reference}, [reference]
            while pending:
                node = self._definitions.get(pending.pop(), {})
                fresh = set(_references(node)) - reached
                reached |= fresh
                pending += fresh
            self._reach[reference] = reached
        return self._reach[reference]

    def _cost(self, node: Json) -> int:
        """Return how many times a node may read a value at most."""
        pending: list[tuple[Json, Iterator[Json], list[int]]] = [(node, self._below(node), [1])]
        while True:
            each, below, costs = pending[-1]
            part = next(below, None)
            if part is not None:
                pending.append((part, self._below(part), [1]))
                continue
            pending.pop()
            cost = max(costs)
            if each["type"] == "union":
                cost *= max(1, _competing_members(each, self._definitions))
            if each["type"] == "definition-ref":
                cost = self._costs[each["schema_ref"]] = max(cost, self._costs[each["schema_ref"]])
            if not pending:
                return cost
            pending[-1][2].append(cost)

    def _below(self, node: Json) -> Iterator[Json]:
        """Return the nodes that the cost of a node depends on; each definition once."""
        if node["type"] != "definition-ref":
            return _direct_nodes(node)
        reference = node["schema_ref"]
        if reference not in self._costs:
            self._costs[reference] = 1  # recursion is found in `of`
            return iter([self._definitions.get(reference, _NULL_NODE)])
        return iter(())


def _references(node: Json) -> Iterator[str]:
    for each in schema_nodes(node):
        if each["type"] == "definition-ref":
            yield each["schema_ref"]


def _direct_nodes(node: Json) -> Iterator[Json]:
    """Yield the nodes directly in a node."""
    pending = [part for name, part in node.items() if name not in _NOT_NODES]
    while pending:
        each = pending.pop()
        if is_object(each):
            if isinstance(each.get("type"), str):
                yield each
            else:
                pending += each.values()
        elif is_array(each) or isinstance(each, tuple):
            pending += each


_NULL_NODE: Final = {"type": "none"}


class _ClassContent:
    """The unions and other classes directly in the core schema of a class."""

    def __init__(self, model: Json) -> None:
        self.unions = False
        self.models: list[Json] = []
        self.references: list[str] = []
        pending = [*model["schema"].get("fields", {}).values()] if "schema" in model else []
        while pending:
            node = pending.pop()
            kind = node["type"]
            if kind == "model":
                self.models.append(node)
            elif kind == "definition-ref":
                self.references.append(node["schema_ref"])
            elif kind not in _LITERALS:
                if kind == "union":
                    larger = [each for each in union_members(node) if each["type"] not in _LITERALS]
                    self.unions |= len(larger) > 1
                pending += _direct_nodes(node)


_class_contents: WeakKeyDictionary[type, _ClassContent] = WeakKeyDictionary()
"""Each class is analysed once, however many classes contain it."""


def may_have_unions(core_schema: Json) -> bool:
    """Return quickly whether the core schema of a class has unions at all."""
    definitions: dict[str, Any] = {each["ref"]: each for each in core_schema.get("definitions", ())}
    pending = [core_schema["schema"] if core_schema["type"] == "definitions" else core_schema]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if node["type"] == "definition-ref":
            node = definitions.get(node["schema_ref"], _NULL_NODE)
        if node["type"] != "model":
            if node["type"] != "none":
                return True
            continue
        if id(node["cls"]) in seen:
            continue
        seen.add(id(node["cls"]))
        known = _class_contents.get(node["cls"])
        if known is None:
            known = _class_contents[node["cls"]] = _ClassContent(node)
        if known.unions:
            return True
        pending += known.models
        pending += [{"type": "definition-ref", "schema_ref": each} for each in known.references]
    return False
