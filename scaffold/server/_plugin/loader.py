"""From an entry point to a plugin that is ready, or to one line that says why not."""

import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from scaffold.contract._errors.errors import PluginError, PluginLoadError, RuntimeNotSupported
from scaffold.contract._hooks.plugin import Plugin

__all__ = ["describe_failure", "load_plugin"]


def load_plugin(entry_point: str | type[Plugin], name: str) -> Plugin:
    """Import and make a plugin; raise what its own code raises, or `PluginError`.

    An entry point is `"module:Class"`, importable as things are, or the class itself.
    """
    plugin_class = _resolve(entry_point, name) if isinstance(entry_point, str) else entry_point
    if not (isinstance(plugin_class, type) and issubclass(plugin_class, Plugin)):
        raise PluginLoadError(name, f"'{entry_point}' is no plugin class")
    missing = sorted(getattr(plugin_class, "__abstractmethods__", ()))
    if missing:
        raise PluginLoadError(name, f"{plugin_class.__name__} lacks {', '.join(missing)}")
    if not any(hook.exposed for hook in plugin_class.kind.hooks.values()):
        reason = (
            f"the kind '{plugin_class.kind.name}' is for use in process only: no hook is offered"
        )
        raise RuntimeNotSupported(name, reason)
    return plugin_class()


def _resolve(entry_point: str, name: str) -> Any:
    module_name, colon, attribute = entry_point.partition(":")
    if not (module_name and colon and attribute):
        raise PluginLoadError(name, f"'{entry_point}' is no entry point: write 'module:Class'")
    module = import_module(module_name)
    target: Any = module
    for part in attribute.split("."):
        if not hasattr(target, part):
            raise PluginLoadError(name, f"module '{module_name}' has no '{attribute}'")
        target = getattr(target, part)
    return target


def describe_failure(error: BaseException) -> str:
    """Say in one line what a plugin's code raised, and where."""
    if isinstance(error, PluginError):
        return error.reason
    text = " ".join(str(error).split())
    description = f"{type(error).__name__}: {text}" if text else type(error).__name__
    position = _source_position(error)
    return f"{description} ({position})" if position else description


def _source_position(error: BaseException) -> str:
    """Return `file:line` of the plugin's own code, if any of it was running."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_relative_path(error.filename)}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    positions = [
        (frame.filename, frame.lineno) for frame in frames if _is_plugin_code(frame.filename)
    ]
    return f"{_relative_path(positions[-1][0])}:{positions[-1][1]}" if positions else ""


_SCAFFOLD_FOLDER = str(Path(__file__).parents[2])


def _is_plugin_code(filename: str) -> bool:
    return not filename.startswith((_SCAFFOLD_FOLDER, "<", *_library_folders()))


def _library_folders() -> Iterable[str]:
    """Where code lives that is not the plugin's: the standard library and what is beside it."""
    return (str(Path(traceback.__file__).parent), sys.prefix + "/lib/")


def _relative_path(filename: str) -> str:
    path = Path(filename)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else filename
