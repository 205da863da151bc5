"""From an entry point to a plugin that is ready, or to one line that says why not."""

import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from scaffold.contract._errors.errors import PluginError, PluginLoadError, RuntimeNotSupported
from scaffold.contract._hooks.plugin import Plugin

__all__ = ["explain", "load"]


def load(entry_point: str | type[Plugin], name: str) -> Plugin:
    """Import and make a plugin; raise what its own code raises, or `PluginError`.

    An entry point is `"module:Class"`, importable as things are, or the class itself.
    """
    made = _resolve(entry_point, name) if isinstance(entry_point, str) else entry_point
    if not (isinstance(made, type) and issubclass(made, Plugin)):
        raise PluginLoadError(name, f"'{entry_point}' is no plugin class")
    missing = sorted(getattr(made, "__abstractmethods__", ()))
    if missing:
        raise PluginLoadError(name, f"{made.__name__} lacks {', '.join(missing)}")
    if not any(hook.exposed for hook in made.kind.hooks.values()):
        reason = f"the kind '{made.kind.name}' is for use in process only: no hook is offered"
        raise RuntimeNotSupported(name, reason)
    return made()


def _resolve(entry_point: str, name: str) -> Any:
    module_name, colon, attribute = entry_point.partition(":")
    if not (module_name and colon and attribute):
        raise PluginLoadError(name, f"'{entry_point}' is no entry point: write 'module:Class'")
    module = import_module(module_name)
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise PluginLoadError(name, f"module '{module_name}' has no '{attribute}'")
        found = getattr(found, part)
    return found


def explain(error: BaseException) -> str:
    """Say in one line what a plugin's code raised, and where."""
    if isinstance(error, PluginError):
        return error.reason
    text = " ".join(str(error).split())
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    place = _place(error)
    return f"{said} ({place})" if place else said


def _place(error: BaseException) -> str:
    """Return `file:line` of the plugin's own code, if any of it was running."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    places = [(frame.filename, frame.lineno) for frame in frames if _is_theirs(frame.filename)]
    return f"{_short(places[-1][0])}:{places[-1][1]}" if places else ""


_OURS = str(Path(__file__).parents[2])


def _is_theirs(filename: str) -> bool:
    return not filename.startswith((_OURS, "<", *_installed()))


def _installed() -> Iterable[str]:
    """Where code lives that is not the plugin's: the standard library and what is beside it."""
    return (str(Path(traceback.__file__).parent), sys.prefix + "/lib/")


def _short(filename: str) -> str:
    path = Path(filename)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else filename
