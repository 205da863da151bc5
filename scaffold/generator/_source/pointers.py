"""JSON Pointers (RFC 6901), as they stand in the fragment of a reference."""

from collections.abc import Iterable
from urllib.parse import quote

from scaffold.generator._source.json_values import is_list, is_object
from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json

_SAFE = "/~!$&'()*+,;=:@?-._"
"""What may stand in a fragment as it is (RFC 3986 section 3.5)."""


def parse_pointer(value: Json, fragment: str) -> Pointer:
    """Read a pointer, unquoted already, step by step; raise `LookupError` where it leaves `value`.

    What does not begin with `/` leads to the value itself.
    """
    steps: list[str | int] = []
    if not fragment.startswith("/"):
        return ()
    for word in fragment[1:].split("/"):
        name = word.replace("~1", "/").replace("~0", "~")
        step = int(name) if is_list(value) and _is_index(name) else name
        value = resolve_pointer(value, (step,))
        steps.append(step)
    return tuple(steps)


def resolve_pointer(value: Json, at: Pointer) -> Json:
    """Return what a pointer leads to; raise `LookupError` where it leaves the value."""
    for step in at:
        if is_object(value):
            value = value[str(step)]
        elif is_list(value) and isinstance(step, int):
            value = value[step]
        else:
            raise LookupError(step)
    return value


def pointer_fragment(at: Iterable[str | int]) -> str:
    """Write a pointer as the fragment of a reference."""
    words = (str(step).replace("~", "~0").replace("/", "~1") for step in at)
    return quote_fragment("".join(f"/{word}" for word in words))


def quote_fragment(fragment: str) -> str:
    """Write a fragment as it stands in a URI."""
    return quote(fragment, _SAFE)


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdecimal() and (name == "0" or name[0] != "0")
