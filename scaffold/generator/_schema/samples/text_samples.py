"""Texts that may be valid for a schema: by format, by pattern, and of the right length."""

import math
import re
from collections.abc import Iterator

from scaffold.generator._schema.samples.conditions import joined_texts
from scaffold.generator._schema.samples.pattern_sampler import matching_text
from scaffold.generator._schema.types.constraints import Constraints

MAX_LENGTH = 10_000
"""Characters of a text, items of a list, properties of an object: of more no sample is made."""

_FORMATS = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.org",
    "idn-email": "someone@example.org",
    "hostname": "example.org",
    "idn-hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/",
    "uri-reference": "/example",
    "iri": "https://example.org/",
    "iri-reference": "/example",
    "uri-template": "/example/{id}",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/example",
    "relative-json-pointer": "0",
    "regex": "^example$",
}

_WORDS = (
    "example",
    "Example",
    "example-1",
    "example_1",
    "example.1",
    "EXAMPLE",
    "1.0.0",
    "en",
    "1",
)


def text_samples(constraints: Constraints) -> list[str]:
    """Return texts, those first that match the patterns and the length."""
    texts = list(dict.fromkeys(_texts(constraints)))
    return sorted(texts, key=lambda text: not _keeps_to(constraints, text))


def _texts(constraints: Constraints) -> Iterator[str]:
    """Yield texts: by format, by pattern, of the right length."""
    least = int(constraints.bounds.get("minLength", 0))
    if least > MAX_LENGTH:
        return
    most = constraints.bounds.get("maxLength")
    if constraints.format in _FORMATS:
        yield _FORMATS[constraints.format]
    yield ("example " * (least // 8 + 1))[: max(least, 7)][: None if most is None else int(most)]
    for pattern in constraints.patterns:
        # A word, if one will do: of many values only the first few are tried in an object.
        yield from (word for word in _WORDS if _may_match(pattern, word))
        yield matching_text(pattern, least)
    if len(constraints.patterns) > 1:
        yield from joined_texts(tuple(constraints.patterns), least)
    yield from _WORDS


def _keeps_to(constraints: Constraints, text: str) -> bool:
    """Guess whether a text is valid; the validator has the last word."""
    low, high = (
        constraints.bounds.get("minLength", 0),
        constraints.bounds.get("maxLength", math.inf),
    )
    return low <= len(text) <= high and all(_may_match(each, text) for each in constraints.patterns)


def _may_match(pattern: str, word: str) -> bool:
    """Guess whether a pattern matches; the validator has the last word."""
    try:
        return re.search(pattern, word) is not None
    except (re.error, RecursionError, OverflowError):
        return False
