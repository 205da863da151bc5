"""Many small JSON values about two schemas, made without any of the judge's own code."""

from itertools import chain, combinations, product

BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "const"}
TEXTS = ["", "a", "b", "ab", "a1", "1", "aaa", "x", "ü", "a" * 51, "a" * 100]
PLAIN = [None, True, False, -1, 0, 1, 2, 3, 4, 6, 9, 10, 20, 0.5, 1.5, 0.1, 0.2, 0.3, 1.0]


def words(schema):
    """Yield the names, texts and numbers that a schema uses, wherever they stand."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            yield key
            if key in BOUNDS and isinstance(value, int | float) and not isinstance(value, bool):
                yield from (value, value - 1, value + 1, value / 2)
            yield from words(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from words(item)
    elif isinstance(schema, str | int | float) or schema is None:
        yield schema


def instances(*schemas):
    """Yield scalars, lists of up to three of them, objects of up to three, and these nested."""
    found = list(chain.from_iterable(map(words, schemas)))
    names = [name for name in dict.fromkeys(found) if isinstance(name, str) and len(name) < 5][:6]
    scalars = [*PLAIN, *TEXTS, *[each for each in found if not isinstance(each, str)], *names]
    few = [None, 1, 1.5, "a", "ab", -1]
    lists = [[*items] for length in range(4) for items in product(few, repeat=length)]
    keys = [*names, "a", "b", "xa", "other"]
    objects = [
        dict(zip(chosen, items, strict=True))
        for length in range(3)
        for chosen in combinations(dict.fromkeys(keys), length)
        for items in product([*few, []], repeat=length)
    ]
    yield from scalars
    yield from ([item] for item in scalars)
    yield from lists
    yield from objects
    yield from ({key: item} for key in keys for item in scalars)
    for inner in [*objects[:200], *lists[:40]]:
        yield [inner]
        yield from ({key: inner} for key in keys)
        yield from ({key: [inner]} for key in keys)
