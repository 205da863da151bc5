"""Import and create the plugin of an entry point, or describe in one line why that failed."""

import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from scaffold.contract._errors.errors import PluginError, PluginLoadError, RuntimeNotSupported
from scaffold.contract._hooks.plugin import Plugin


def load_plugin(entry_point: str | type[Plugin], name: str) -> Plugin:
    """Import and create a plugin.

    Args:
        entry_point: `"module:Class"`, or the class itself.
        name: The name of the plugin, for errors.

    Raises:
        PluginError: If the entry point is not a complete plugin class, or its kind cannot be
            served. Exceptions of the plugin's own code pass through.
    """
    plugin_class = _resolve(entry_point, name) if isinstance(entry_point, str) else entry_point
    if not (isinstance(plugin_class, type) and issubclass(plugin_class, Plugin)):
        raise PluginLoadError(name, f"'{entry_point}' is not a plugin class")
    missing = sorted(getattr(plugin_class, "__abstractmethods__", ()))
    if missing:
        raise PluginLoadError(name, f"{plugin_class.__name__} lacks {', '.join(missing)}")
    if not any(hook.exposed for hook in plugin_class.kind.hooks.values()):
        reason = f"the kind '{plugin_class.kind.name}' works in process only: it exposes no hook"
        raise RuntimeNotSupported(name, reason)
    return plugin_class()


def _resolve(entry_point: str, name: str) -> Any:
    module_name, colon, attribute = entry_point.partition(":")
    if not (module_name and colon and attribute):
        raise PluginLoadError(name, f"'{entry_point}' is not an entry point; use 'module:Class'")
    module = import_module(module_name)
    target: Any = module
    for part in attribute.split("."):
        if not hasattr(target, part):
            raise PluginLoadError(name, f"module '{module_name}' has no '{attribute}'")
        target = getattr(target, part)
    return target


def describe_failure(error: BaseException) -> str:
    """Describe an exception of the plugin's code in one line, with its file and line."""
    if isinstance(error, PluginError):
        return error.reason
    text = " ".join(str(error).split())
    description = f"{type(error).__name__}: {text}" if text else type(error).__name__
    position = _source_position(error)
    return f"{description} ({position})" if position else description


def _source_position(error: BaseException) -> str:
    """Return `file:line` of the innermost frame in the plugin's code; empty if there is none."""
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
    """Return the folders of the standard library and of installed packages."""
    return (str(Path(traceback.__file__).parent), sys.prefix + "/lib/")


def _relative_path(filename: str) -> str:
    path = Path(filename)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else filename
