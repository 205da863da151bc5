"""Importing what every server needs, in less time and memory.

Three things make these imports dear and are of no use to a server: looking for garbage among
objects that all stay; pydantic's search for plugins of its own, which reads the metadata of
whatever is installed; and OpenSSL, which pydantic brings along to compare secret strings. Without
them a process answers a fifth sooner, and is some megabytes smaller.
"""

import gc
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, Final

__all__ = ["lean_imports"]

_PLUGIN_LOADER: Final = "pydantic.plugin._loader"
_SECRETS: Final = "secrets"
_PYDANTIC_SECTION: Final = b"[pydantic]"
"""What the entry points of a distribution say if it has plugins for pydantic."""
_ENTRY_POINTS: Final = "*-info/entry_points.txt"


@contextmanager
def lean_imports() -> Generator[None]:
    """Import without waste; what has been imported by the end is taken to stay for ever."""
    if _PLUGIN_LOADER not in sys.modules and not _may_have_plugins():
        sys.modules[_PLUGIN_LOADER] = _stub_module(_PLUGIN_LOADER, get_plugins=tuple)
    secrets = sys.modules.setdefault(_SECRETS, _stub_module(_SECRETS))
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not hasattr(secrets, "__file__"):
            sys.modules.pop(_SECRETS, None)  # it has been given to pydantic, and is for no one else
        gc.freeze()
        if collecting:
            gc.enable()


def _may_have_plugins() -> bool:
    """Tell whether pydantic might find plugins: unless the files say no, it may look itself."""
    if any(
        hasattr(finder, "find_distributions")
        for finder in sys.meta_path
        if finder is not PathFinder
    ):
        return True
    try:
        return any(_has_pydantic_entry_point(Path(folder)) for folder in sys.path)
    except OSError:
        return True


def _has_pydantic_entry_point(folder: Path) -> bool:
    if folder.is_file():
        return True
    return any(_PYDANTIC_SECTION in found.read_bytes() for found in folder.glob(_ENTRY_POINTS))


def _stub_module(name: str, **members: Callable[[], object]) -> ModuleType:
    """Make a module that has next to nothing; whoever wants more of it gets the real one."""

    def get_real_attribute(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return getattr(import_module(name), attribute)

    module = ModuleType(name)
    vars(module).update(members, __getattr__=get_real_attribute)
    return module
