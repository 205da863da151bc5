"""One set of classes for a host and for the plugins that have a copy of its bindings.

Each plugin project has generated bindings of its own. Where they are the same files as those of
the host, the plugin gets the host's modules under its own names. Payloads then cross between the
two as they are; with two copies of a class, each of them would have to be converted.
"""

import importlib
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from threading import get_ident
from types import ModuleType
from typing import Final

from typing_extensions import override

from scaffold import kinds as shipped
from scaffold.contract._hooks.hook import Kind

_SUFFIXES: Final = {".py", ".pyi", ".json"}
"""The files that make bindings what they are; others, such as caches, do not count."""


@contextmanager
def sharing_bindings(kinds: Iterable[Kind]) -> Generator[None]:
    """Give the plugins that this thread imports the bindings of these kinds, if theirs are equal.

    Modules that a plugin has imported before are left as they are.
    """
    finder = _CopyFinder([folder for kind in kinds if (folder := _bindings(kind)) is not None])
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _bindings(kind: Kind) -> Path | None:
    """Return the folder of a kind's bindings, or of those that ship; `None` if there are none."""
    if kind.folder is not None:
        return kind.folder
    folder = Path(*shipped.__path__, f"{kind.name}_v{kind.major}")
    return folder if folder.is_dir() else None


class _CopyFinder(MetaPathFinder):
    """Finds packages that are copies of known bindings, while one thread imports a plugin."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._thread = get_ident()
        # The generator names the folder of bindings after the kind and its major version.
        self._folders = {folder.name: folder for folder in folders}

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        folder = self._folders.get(fullname.rpartition(".")[2])
        if folder is None or path is None or get_ident() != self._thread:
            return None
        found = PathFinder.find_spec(fullname, path)
        if found is None or found.origin is None:
            return None
        copy = Path(found.origin).parent
        if copy == folder or _files(copy) != _files(folder):
            return None
        package = _module_in(folder)
        return None if package is None else ModuleSpec(fullname, _Sharing(package))


class _Sharing(Loader):
    """Puts the modules of a package in the place of its copy."""

    def __init__(self, package: str) -> None:
        self._package = package

    @override
    def exec_module(self, module: ModuleType) -> None:
        importlib.import_module(self._package)
        copy, package = module.__name__, self._package
        for name, one in list(sys.modules.items()):
            if name == package or name.startswith(f"{package}."):
                # The import system takes what stands here in place of the module that it made.
                sys.modules[copy + name.removeprefix(package)] = one


def is_shared(name: str, module: ModuleType) -> bool:
    """Tell whether a module that is known under a plugin's name belongs to the host."""
    return module.__name__ != name


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.suffix in _SUFFIXES
    }


def _module_in(folder: Path) -> str | None:
    """Return the name of the package in a folder: that of the host, or the one that ships."""
    init = str(folder / "__init__.py")
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == init:
            return module.__name__
    if folder.parent in map(Path, shipped.__path__):
        return f"{shipped.__name__}.{folder.name}"
    return None
