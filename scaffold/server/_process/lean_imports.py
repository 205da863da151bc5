"""Import the modules of a server in less time and memory.

Three parts of these imports are useless for a server: garbage collection among objects that all
stay; pydantic's search for its own plugins, which reads the metadata of all installed packages; and
OpenSSL, which pydantic imports to compare secret strings. Without them a process responds a fifth
sooner and is some megabytes smaller.
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

_PLUGIN_LOADER: Final = "pydantic.plugin._loader"
_SECRETS: Final = "secrets"
_PYDANTIC_SECTION: Final = b"[pydantic]"
"""The section of entry points in a distribution that has plugins for pydantic."""
_ENTRY_POINTS: Final = "*-info/entry_points.txt"


@contextmanager
def lean_imports() -> Generator[None]:
    """Import without these costs. At the end, all objects are excluded from garbage collection."""
    if _PLUGIN_LOADER not in sys.modules and not _may_have_plugins():
        sys.modules[_PLUGIN_LOADER] = _stub_module(_PLUGIN_LOADER, get_plugins=tuple)
    secrets = sys.modules.setdefault(_SECRETS, _stub_module(_SECRETS))
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not hasattr(secrets, "__file__"):
            sys.modules.pop(_SECRETS, None)  # the stub is for pydantic only
        gc.freeze()
        if collecting:
            gc.enable()


def _may_have_plugins() -> bool:
    """Return whether pydantic might find plugins; true also if that cannot be decided."""
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
    """Create a module with few members. Access to any other member imports the real module."""

    def get_real_attribute(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return getattr(import_module(name), attribute)

    module = ModuleType(name)
    vars(module).update(members, __getattr__=get_real_attribute)
    return module
