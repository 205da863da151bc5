"""What a sample needs besides properties: parts that hold under a condition, names by pattern."""

from collections.abc import Iterator

from scaffold.generator._schema.samples.pattern_sampler import matching_text
from scaffold.generator._schema.types.constraints import Constraints
from scaffold.generator._source.json_values import is_object
from scaffold.generator.ir import Json

_MORE = 3
"""Lengths of a text that are tried, beyond the shortest."""


def conditional_schemas(constraints: Constraints) -> Iterator[tuple[Json, ...]]:
    """Yield schemas that an object may be held to in addition, so that all conditions hold."""
    for source in _sources(constraints):
        if "if" in source:
            yield (source["if"], source.get("then", True))
            yield (source.get("else", True),)
    needed = _needed(constraints)
    if needed:
        yield tuple(needed)
    for source in _sources(constraints):
        if "if" in source and needed:
            yield (source["if"], source.get("then", True), *needed)
            yield (source.get("else", True), *needed)


def _needed(constraints: Constraints) -> list[Json]:
    """Return what the required properties need: other properties, and schemas."""
    wanted, found = list(constraints.required), list[Json]()
    for name in wanted:  # grows while it is read
        for source in _sources(constraints):
            others = source.get("dependentRequired", {}).get(name, [])
            wanted += [other for other in others if other not in wanted]
            if name in source.get("dependentSchemas", {}):
                found.append(source["dependentSchemas"][name])
    more: Json = {"required": wanted}
    return [more, *found] if found or len(wanted) > len(constraints.required) else []


def undeclared_names(constraints: Constraints, count: int) -> dict[str, tuple[Json, ...]]:
    """Return names of so many undeclared properties, with the schemas that they are held to."""
    found: dict[str, tuple[Json, ...]] = {}
    for source in _sources(constraints):
        for pattern, schema in source.get("patternProperties", {}).items():
            found |= dict.fromkeys(_texts(pattern, count), (schema,))
    for source in _sources(constraints):
        names_schema: Json = source.get("propertyNames")
        if is_object(names_schema) and isinstance(names_schema.get("pattern"), str):
            texts = _texts(names_schema["pattern"], count)
            found |= {text: found.get(text, constraints.values) for text in texts}
    found |= {f"key_{index}": constraints.values for index in range(1, count + 1)}
    return {name: found[name] for name in list(found)[:count]}


def joined_texts(patterns: tuple[str, ...], least: int) -> Iterator[str]:
    """Yield texts that may match several patterns: one text of each, in both orders."""
    texts = [matching_text(pattern, 0) for pattern in patterns]
    for parts in (texts, texts[::-1]):
        whole = "".join(parts)
        yield whole
        yield parts[0] + "x" * (least - len(whole)) + "".join(parts[1:])


def _texts(pattern: str, count: int) -> list[str]:
    return list(dict.fromkeys(matching_text(pattern, least) for least in range(count * _MORE + 8)))


def _sources(constraints: Constraints) -> Iterator[dict[str, Json]]:
    return (source for source in constraints.sources if is_object(source))
