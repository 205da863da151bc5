"""A walk through a schema and a refused value, which finds the violations in order.

The walk is lazy: it stops when its reader stops, and enters a union only on request. A large part
is validated by the compiled schema first, and is walked only if that refuses it.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from scaffold.contract._json import Json, JsonObject, is_array, is_object
from scaffold.contract._validation.explanation_limits import WorkBudget
from scaffold.contract._validation.keywords import keyword_violations
from scaffold.contract._validation.subschemas import Scope, SubschemaValidators
from scaffold.contract._validation.violations import Path, Violation, intended_violations, rules_out

LARGE_PART_VALUES: Final = 64
"""A part with at least this many values is validated before it is walked."""

MAX_MEMBER_VIOLATIONS: Final = 200
"""Violations of one member of a union that are compared with those of other members."""


class Task(NamedTuple):
    """A part of the value, and the subschema that must accept it."""

    scope: Scope
    value: Json
    path: Path
    rule: str
    """The keyword with the subschema; it is the broken rule if the subschema is `false`."""


_Steps: TypeAlias = Iterator["Violation | Task"]


class SchemaWalk:
    """One walk through a schema and a value."""

    def __init__(self, compiled: SubschemaValidators, budget: WorkBudget) -> None:
        self._compiled = compiled
        self._budget = budget

    def all(self, value: Json) -> Iterator[Violation]:
        """Yield all violations; those inside a union follow the violation of the union.

        Raises `SpentError` when the budget is spent.
        """
        pending = [self._of(Task(self._compiled.root, value, (), "false"))]
        while pending:
            found = next(pending[-1], None)
            if found is None:
                pending.pop()
                continue
            yield found
            if found.members:
                pending.append(iter(self._inside(found)))

    def _inside(self, union: Violation) -> list[Violation]:
        members: list[list[Violation]] = []
        for scope in union.members:
            errors: list[Violation] = []
            for found in self._of(Task(scope, union.value, union.path, union.rule)):
                errors.append(found)
                if len(errors) == MAX_MEMBER_VIOLATIONS or rules_out(found, union.path):
                    break
            members.append(errors)
        return intended_violations(members, union.path)

    def _of(self, task: Task) -> Iterator[Violation]:
        """Yield the violations of one schema, without those inside of unions."""
        seen: set[tuple[int, Path]] = set()
        pending: list[_Steps] = [iter([task])]
        while pending:
            step = next(pending[-1], None)
            if step is None:
                pending.pop()
            elif isinstance(step, Violation):
                yield step
            elif not is_object(step.scope.schema):
                pending.append(self._steps(step, known=True))
            elif (place := (id(step.scope.schema), step.path)) not in seen:
                seen.add(place)
                pending.append(self._steps(step, known=step is task))

    def _steps(self, task: Task, *, known: bool) -> _Steps:
        self._budget.step()
        scope, value = task.scope, task.value
        schema = scope.schema
        if not is_object(schema):
            if schema is False:
                yield from keyword_violations(self._compiled, scope, value, task.path, task.rule)
            return
        if (
            not known
            and self._budget.size(value) >= LARGE_PART_VALUES
            and self._is_valid(scope, value)
        ):
            return
        yield from keyword_violations(self._compiled, scope, value, task.path, task.rule)
        for keyword, steps in _STEPS_BY_KEYWORD.items():
            if keyword in schema:
                yield from steps(self, task, schema)
        for keyword in ("$ref", "$dynamicRef"):
            reference = schema.get(keyword)
            if isinstance(reference, str) and self._leads(keyword, reference):
                target = self._compiled.follow(reference, scope)
                yield task._replace(scope=target, rule=_last_keyword(reference))

    def _leads(self, keyword: str, reference: str) -> bool:
        return keyword == "$ref" or self._compiled.is_plain(reference)

    def _is_valid(self, scope: Scope, value: Json) -> bool:
        self._budget.judge(value)
        valid: bool = self._compiled.validator(scope).is_valid(value)
        return valid

    def _holds(self, task: Task, *keywords: str) -> bool:
        self._budget.judge(task.value)
        valid: bool = self._compiled.validator(task.scope, *keywords).is_valid(task.value)
        return valid

    def _part(self, task: Task, schema: Json) -> Scope:
        return self._compiled.enter(schema, task.scope)

    def _many(
        self, task: Task, schema: Json, places: Sequence[str | int], values: list[Json], rule: str
    ) -> _Steps:
        """Yield tasks for values with the same schema; of many values, only for refused ones."""
        scope = self._part(task, schema)
        pending = [range(len(values))]
        while pending:
            some = pending.pop()
            if len(values) >= LARGE_PART_VALUES and self._all_valid(
                scope, task.value, values, some
            ):
                continue
            if len(values) < LARGE_PART_VALUES or len(some) <= _FEW_VALUES:
                for index in some:
                    yield Task(scope, values[index], (*task.path, places[index]), rule)
            else:
                middle = len(some) // 2
                pending += (some[middle:], some[:middle])

    def _all_valid(self, scope: Scope, whole: Json, values: list[Json], some: range) -> bool:
        self._budget.judge_some(len(some), len(values), whole)
        lists = self._compiled.list_of(scope)
        valid: bool = lists.is_valid(values[some.start : some.stop])
        return valid

    def _extra(self, task: Task, schema: JsonObject) -> list[str]:
        """Return the properties that neither `properties` nor `patternProperties` covers."""
        named = schema.get("properties", {})
        patterns = [
            self._compiled.pattern(each, task.scope) for each in schema.get("patternProperties", {})
        ]
        return [
            name
            for name in task.value
            if name not in named and not any(each.is_valid(name) for each in patterns)
        ]

    def properties(self, task: Task, schema: JsonObject) -> _Steps:
        """Check `properties`."""
        if is_object(task.value):
            named = [name for name in schema["properties"] if name in task.value]
            # Scalars first: a wrong tag rules out a member of a union without a look at the rest.
            named.sort(key=lambda name: isinstance(task.value[name], dict | list))
            for name in named:
                part, path = schema["properties"][name], (*task.path, name)
                yield Task(self._part(task, part), task.value[name], path, "properties")

    def pattern_properties(self, task: Task, schema: JsonObject) -> _Steps:
        """Check `patternProperties`."""
        if is_object(task.value):
            for pattern, part in schema["patternProperties"].items():
                judge = self._compiled.pattern(pattern, task.scope)
                names = [name for name in task.value if judge.is_valid(name)]
                values = [task.value[name] for name in names]
                yield from self._many(task, part, names, values, "patternProperties")

    def additional_properties(self, task: Task, schema: JsonObject) -> _Steps:
        """Check `additionalProperties`, except `false`, which concerns the whole object."""
        part = schema["additionalProperties"]
        if is_object(task.value) and part is not False:
            names = self._extra(task, schema)
            values = [task.value[name] for name in names]
            yield from self._many(task, part, names, values, "additionalProperties")

    def items(self, task: Task, schema: JsonObject) -> _Steps:
        """Check `items`."""
        first = len(schema.get("prefixItems", ()))
        if is_array(task.value) and len(task.value) > first:
            places = range(first, len(task.value))
            yield from self._many(task, schema["items"], places, task.value[first:], "items")

    def prefix_items(self, task: Task, schema: JsonObject) -> _Steps:
        """Check `prefixItems`."""
        if is_array(task.value):
            parts = zip(schema["prefixItems"], task.value, strict=False)
            for index, (part, value) in enumerate(parts):
                yield Task(self._part(task, part), value, (*task.path, index), "prefixItems")

    def dependent_schemas(self, task: Task, schema: JsonObject) -> _Steps:
        """Check `dependentSchemas`."""
        if is_object(task.value):
            for name, part in schema["dependentSchemas"].items():
                if name in task.value:
                    yield task._replace(scope=self._part(task, part), rule="dependentSchemas")

    def all_of(self, task: Task, schema: JsonObject) -> _Steps:
        """Check `allOf`."""
        for part in schema["allOf"]:
            yield task._replace(scope=self._part(task, part), rule="allOf")

    def any_of(self, task: Task, _schema: JsonObject) -> _Steps:
        """Check `anyOf`."""
        if not self._holds(task, "anyOf"):
            yield self._union(task, "anyOf", [False, False])

    def one_of(self, task: Task, schema: JsonObject) -> _Steps:
        """Check `oneOf`."""
        if not self._holds(task, "oneOf"):
            self._budget.judge(task.value)
            some = self._compiled.derived(task.scope, "some", {"anyOf": schema["oneOf"]})
            several = some.is_valid(task.value)
            yield self._union(task, "oneOf", [True, True] if several else [False, False])

    def _union(self, task: Task, keyword: str, alike: list[bool]) -> Violation:
        members = [self._part(task, part) for part in task.scope.schema[keyword]]
        write = self._compiled.says({keyword: alike}, task.value)
        return Violation(task.path, keyword, keyword, write, members, task.value)

    def if_then_else(self, task: Task, schema: JsonObject) -> _Steps:
        """Check `then` or `else`."""
        branch = "then" if self._is_valid(self._part(task, schema["if"]), task.value) else "else"
        if branch in schema:
            yield task._replace(scope=self._part(task, schema[branch]), rule=branch)


_FEW_VALUES: Final = 4
"""So few values are walked one by one if one of them is refused."""


def _last_keyword(reference: str) -> str:
    """Return the keyword at the end of a reference, by which the validator names its target."""
    fragment = reference.partition("#")[2]
    if "/" not in fragment:
        return "false"
    *_, holder, last = fragment.split("/")
    return holder if holder in _BY_NAME or last.isdecimal() else last


_BY_NAME: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})

_STEPS_BY_KEYWORD: Final = {
    "properties": SchemaWalk.properties,
    "patternProperties": SchemaWalk.pattern_properties,
    "additionalProperties": SchemaWalk.additional_properties,
    "items": SchemaWalk.items,
    "prefixItems": SchemaWalk.prefix_items,
    "dependentSchemas": SchemaWalk.dependent_schemas,
    "allOf": SchemaWalk.all_of,
    "anyOf": SchemaWalk.any_of,
    "oneOf": SchemaWalk.one_of,
    "if": SchemaWalk.if_then_else,
}
"""The check of each keyword with subschemas, in the order of the validator."""
