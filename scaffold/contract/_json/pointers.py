"""JSON Pointer (RFC 6901)."""

from collections.abc import Iterable

__all__ = ["pointer", "pointer_step"]


def pointer(path: Iterable[str | int]) -> str:
    """Write a path as JSON Pointer: `pointer(["a/b", 0])` is `/a~1b/0`."""
    return "".join(map(pointer_step, path))


def pointer_step(part: str | int) -> str:
    """Write one step of a path."""
    return "/" + str(part).replace("~", "~0").replace("/", "~1")
