"""JSON Pointer (RFC 6901)."""

from collections.abc import Iterable


def pointer(path: Iterable[str | int]) -> str:
    """Return a path as a JSON Pointer: `pointer(["a/b", 0])` is `/a~1b/0`."""
    return "".join(map(pointer_step, path))


def pointer_step(part: str | int) -> str:
    """Return one step of a JSON Pointer, escaped."""
    return "/" + str(part).replace("~", "~0").replace("/", "~1")
