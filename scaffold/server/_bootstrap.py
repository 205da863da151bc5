"""`serve`, the first step of a server process: import the server in little time and memory.

Three parts of these imports are useless for a server: garbage collection among objects that all
stay; pydantic's search for its own plugins, which reads the metadata of all installed packages; and
OpenSSL, which pydantic imports to compare secret strings. Without them a process responds a fifth
sooner and is some megabytes smaller.
"""

import gc
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from scaffold.contract._hooks.plugin import Plugin

_PLUGIN_LOADER: Final = "pydantic.plugin._loader"
_SECRETS: Final = "secrets"
_PYDANTIC_SECTION: Final = b"[pydantic]"
"""The section of entry points in a distribution that has plugins for pydantic."""
_ENTRY_POINTS: Final = "*-info/entry_points.txt"


def serve(
    entry_point: "str | type[Plugin]",
    *,
    name: str | None = None,
    arguments: Sequence[str] | None = None,
) -> int:
    """Serve a plugin over MCP until the client disconnects or a signal ends the process.

    Args:
        entry_point: `"module:Class"`, or the class itself. The module is imported after the pipes
            have left descriptors 0 and 1, so nothing that it prints can damage the protocol.
        name: The name of the plugin; by default the top package of its module.
        arguments: The command line; by default that of the process.

    Returns:
        The exit status: 0 success, 2 wrong usage, 4 cannot listen on the port, 5 the plugin cannot
        be imported, created or set up.

    Example:
        `sys.exit(serve("demo.plugin:DemoPlugin", name="demo"))`
    """
    with lean_imports():
        from scaffold.server._process.private_settings import take_private_variables

        take_private_variables()
        from scaffold.server._run import run_server
    return run_server(
        entry_point, name or _package(entry_point), sys.argv[1:] if arguments is None else arguments
    )


def _package(entry_point: "str | type[Plugin]") -> str:
    module = entry_point if isinstance(entry_point, str) else entry_point.__module__
    return module.partition(":")[0].partition(".")[0]


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
