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

__all__ = ["frugal"]

_LOADER: Final = "pydantic.plugin._loader"
_SECRETS: Final = "secrets"
_SECTION: Final = b"[pydantic]"
"""What the entry points of a distribution say if it has plugins for pydantic."""
_ENTRY_POINTS: Final = "*-info/entry_points.txt"


@contextmanager
def frugal() -> Generator[None]:
    """Import without waste; what has been imported by the end is taken to stay for ever."""
    if _LOADER not in sys.modules and not _has_plugins():
        sys.modules[_LOADER] = _stand_in(_LOADER, get_plugins=tuple)
    secrets = sys.modules.setdefault(_SECRETS, _stand_in(_SECRETS))
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


def _has_plugins() -> bool:
    """Tell whether pydantic might find plugins: unless the files say no, it may look itself."""
    if any(hasattr(one, "find_distributions") for one in sys.meta_path if one is not PathFinder):
        return True
    try:
        return any(_offers_plugins(Path(place)) for place in sys.path)
    except OSError:
        return True


def _offers_plugins(place: Path) -> bool:
    if place.is_file():
        return True
    return any(_SECTION in found.read_bytes() for found in place.glob(_ENTRY_POINTS))


def _stand_in(name: str, **has: Callable[[], object]) -> ModuleType:
    """Make a module that has next to nothing; whoever wants more of it gets the real one."""

    def real(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return getattr(import_module(name), attribute)

    module = ModuleType(name)
    vars(module).update(has, __getattr__=real)
    return module
