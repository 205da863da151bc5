"""Emitters: pure functions from a kind to the text of files, by relative path.

Other distributions add emitters by entry points in the group `scaffold.emitters`. The entry point's
name is the language; its object is a function from `ir.Kind` to a mapping of paths to texts.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from scaffold.generator.ir import Kind

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Emitter: TypeAlias = Callable[[Kind], Mapping[str, str]]

EMITTERS = {
    "markdown": "scaffold.generator._emit.markdown",
    "openrpc": "scaffold.generator._emit.openrpc",
    "python": "scaffold.generator._emit.python",
}
"""The module of each emitter of ours; it is imported when it is asked for."""


def emit(kind: Kind, language: str = "python") -> dict[str, str]:
    """Write the files of a kind: their text by relative path, sorted, the same on every run.

    Raises:
        LookupError: There is no emitter for `language`.
    """
    return dict(sorted(_emitter(language)(kind).items()))


def languages() -> list[str]:
    """Name every emitter there is."""
    return sorted({*EMITTERS, *_entry_points()})


def _emitter(language: str) -> Emitter:
    if language in EMITTERS:
        found: Emitter = import_module(EMITTERS[language]).emit
        return found
    others = _entry_points()
    if language not in others:
        raise LookupError(f"no emitter named '{language}'; there are {', '.join(languages())}")
    loaded: Emitter = others[language].load()
    return loaded


def _entry_points() -> dict[str, "EntryPoint"]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group="scaffold.emitters")}
