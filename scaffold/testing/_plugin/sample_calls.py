"""Sample calls for a plugin: typical inputs, those at the bounds, and invalid ones."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeAlias

from scaffold.contract._hooks.hook import Hook, Kind
from scaffold.contract._json import Json, JsonObject, is_object
from scaffold.contract._validation.validator import CompiledSchema
from scaffold.testing._plugin.runtimes import canonical_json

ValueGenerator: TypeAlias = Callable[[Json], Iterable[Json]]
"""Generates values for a schema, typical ones first; those at its bounds may be invalid."""
_MAX_VALID: Final = 5
_MAX_INVALID: Final = 8
_MAX_GENERATED: Final = 60
_MAX_FUNCTIONS: Final = 3
"""The number of functions of a catalogue that are called."""


@dataclass(frozen=True, slots=True)
class SampleCall:
    """One sample call of a hook."""

    hook: str
    payload: Json
    valid: bool
    """True if the input is valid, so that the plugin is called."""


def sample_calls(
    kind: Kind, variants: ValueGenerator, catalogue: Callable[[str], list[JsonObject]]
) -> Iterator[SampleCall]:
    """Yield the sample calls for all hooks of a kind; `catalogue` calls a catalogue hook."""
    for hook in kind.hooks.values():
        if hook.input.python_type is None:
            yield SampleCall(hook.name, None, valid=True)
        elif hook.functions is not None:
            yield from _of_functions(hook, variants, catalogue(hook.functions.catalogue))
        else:
            objects = bool(kind.describe(hook.name)["input"]["object"])
            for value, valid in _values(hook.input.schema, variants, objects=objects):
                yield SampleCall(hook.name, value, valid)


def _of_functions(
    hook: Hook[Any, Any], variants: ValueGenerator, listed: list[JsonObject]
) -> Iterator[SampleCall]:
    functions = hook.functions
    assert functions is not None
    for function in listed[:_MAX_FUNCTIONS]:
        for value, valid in _values(function["parameters"], variants, objects=True):
            payload = {functions.name: function["name"], functions.arguments: value}
            yield SampleCall(hook.name, payload, valid)
    unknown: JsonObject = {functions.name: "no_such_function", functions.arguments: {}}
    yield SampleCall(hook.name, unknown, valid=False)


def _values(
    schema: Json, variants: ValueGenerator, *, objects: bool
) -> Iterator[tuple[Json, bool]]:
    """Yield valid values, then invalid ones; `objects` keeps objects only."""
    guard = CompiledSchema(schema)
    tried = list(islice(variants(schema), _MAX_GENERATED))
    valid = [value for value in _distinct(tried, objects=objects) if guard.accepts(value)][
        :_MAX_VALID
    ]
    yield from ((value, True) for value in valid)
    spoiled = [*(_invalidate(valid[0]) if valid else ()), *tried]
    invalid = (one for one in _distinct(spoiled, objects=objects) if not guard.accepts(one))
    yield from ((value, False) for value in islice(invalid, _MAX_INVALID))


def _distinct(values: Iterable[Json], *, objects: bool) -> Iterator[Json]:
    seen: set[str] = set()
    for value in values:
        text = canonical_json(value)
        if text not in seen and (is_object(value) or not objects):
            yield value
        seen.add(text)


def _invalidate(value: Json) -> Iterator[Json]:
    """Yield copies of a valid value, each with one change that is often invalid."""
    yield from (None, [], "", {})
    if is_object(value):
        yield {**value, "no_such_property": 1}
        for key, item in value.items():
            yield {name: each for name, each in value.items() if name != key}
            yield {**value, key: 0 if isinstance(item, str) else "text"}
            yield {**value, key: None}


def with_timeout(kind: Kind, seconds: float) -> Kind:
    """Return a copy of the kind whose hooks have a timeout of `seconds`."""
    contract = kind.contract
    hooks = {name: {**spec, "timeout": seconds} for name, spec in contract["hooks"].items()}
    return Kind.from_contract({**contract, "hooks": hooks})


def without_input_checks(kind: Kind) -> Kind:
    """Return a copy of the kind without checks of inputs by the host, so that the plugin checks.

    The arguments of functions are still checked, because only the host knows their parameters.
    """
    contract = kind.contract
    hooks: JsonObject = {
        name: {**spec, "input": {**spec["input"], "schema": {}}}
        if spec["functions"] is None and not spec["input"]["empty"]
        else spec
        for name, spec in contract["hooks"].items()
    }
    return Kind.from_contract({**contract, "hooks": hooks})
