"""From a manifest's `entry_point` to a plugin, and to one clear line when there is none.

A plugin's module is imported from its folder without a change of `sys.path`.
"""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Final

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import unranked_lock
from scaffold.contract._errors.errors import PluginLoadError
from scaffold.contract._errors.masking import (
    PLUGIN_EXCEPTIONS,
    message_of,
    original_exception,
)
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._loading.shared_bindings import is_shared, sharing_bindings
from scaffold.manifest._model import Manifest


class _ImportLock:
    """Held while a name in `sys.modules` is chosen and taken; plugins may load plugins."""

    def __init__(self) -> None:
        self._reset()
        reset_after_fork(self._reset)

    def _reset(self) -> None:
        # It has no rank: it is held while modules are imported, which run any code.
        self.held = unranked_lock()


_LOCK: Final = _ImportLock()


def has_module(folder: Path, module: str) -> bool:
    """Tell whether the folder has the module, as a file or as a package."""
    path = folder.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def import_from(folder: Path, module: str) -> ModuleType:
    """Import a dotted module whose top package or file stands in the folder.

    The top is known to Python under its real name if no other module has it; otherwise under that
    name and a digest of the folder, so that the modules of two plugins never meet. Then only its
    relative imports lead into the plugin. Raises whatever the module raises, and leaves nothing of
    it behind in `sys.modules` if it does.
    """
    top, _, rest = module.partition(".")
    with _LOCK.held:
        name = _free_name(folder, top)
        before = _family(name)
        try:
            if name not in sys.modules:
                _execute(_spec(folder, top, name))
            return importlib.import_module(f"{name}.{rest}" if rest else name)
        except BaseException:
            for left in _family(name) - before:
                del sys.modules[left]
            raise


@contextmanager
def fresh_import(folder: Path, module: str) -> Generator[dict[str, ModuleType]]:
    """Have `import_from` read a plugin's code again, within a `with` statement.

    Yields the modules that were known so far, by name: all of the folder's own, and no others. They
    are known again if the block fails.
    """
    with _LOCK.held:
        known = _own(folder, module)
        for name, one in known.items():
            del sys.modules[name]
            if not is_shared(name, one):
                _forget_bytecode(one)
        importlib.invalidate_caches()
        try:
            yield known
        except BaseException:
            restore_modules(folder, module, known)
            raise


def restore_modules(folder: Path, module: str, modules: dict[str, ModuleType]) -> None:
    """Have the folder's own modules be these again."""
    with _LOCK.held:
        for name in _own(folder, module):
            del sys.modules[name]
        sys.modules.update(modules)


def _own(folder: Path, module: str) -> dict[str, ModuleType]:
    top = module.partition(".")[0]
    own = _places(_spec(folder, top, top))
    for name in (top, _other_name(folder, top)):
        known = sys.modules.get(name)
        if known is not None and known.__spec__ is not None and _places(known.__spec__) == own:
            return {one: sys.modules[one] for one in _family(name)}
    return {}


def _forget_bytecode(module: ModuleType) -> None:
    """Remove what was compiled: two edits within a second, of one length, look the same to it."""
    cached: str | None = getattr(module, "__cached__", None)
    if cached is not None:
        with suppress(OSError):
            Path(cached).unlink()


def _spec(folder: Path, top: str, name: str) -> ModuleSpec:
    package = folder / top
    file = package / "__init__.py"
    if file.is_file():
        spec = importlib.util.spec_from_file_location(
            name, file, submodule_search_locations=[str(package)]
        )
    elif package.with_suffix(".py").is_file():
        spec = importlib.util.spec_from_file_location(name, package.with_suffix(".py"))
    else:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(package)]
    assert spec is not None
    return spec


def _execute(spec: ModuleSpec) -> None:
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    if spec.loader is not None:
        spec.loader.exec_module(module)


def _free_name(folder: Path, top: str) -> str:
    """Return the name under which the folder's `top` is or can be imported."""
    own = _places(_spec(folder, top, top))
    known = sys.modules.get(top)
    spec = importlib.util.find_spec(top) if known is None else known.__spec__
    if spec is None and known is None:
        return top
    if spec is not None and _places(spec) == own:
        return top
    return _other_name(folder, top)


def _other_name(folder: Path, top: str) -> str:
    return f"{top}_{sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"


def _places(spec: ModuleSpec) -> set[Path]:
    """Return where a module is: its file, or the folders of a package without one."""
    if spec.has_location and spec.origin is not None:
        return {Path(spec.origin).resolve()}
    return {Path(place).resolve() for place in spec.submodule_search_locations or ()}


def _family(name: str) -> set[str]:
    return {one for one in list(sys.modules) if one == name or one.startswith(f"{name}.")}


def load_plugin(manifest: Manifest, kind: Kind) -> Plugin:
    """Import the class that the manifest names, from its folder or installed, and make a plugin.

    It shares the bindings of `kind`, the host's, if its own are the same. Raises `PluginLoadError`
    with the cause in one line.
    """
    entry = manifest.entry_point
    assert entry is not None
    module_name, _, class_name = entry.partition(":")
    with sharing_bindings([kind]):
        module = _import(manifest, module_name)
    made = getattr(module, class_name, None)
    if made is None:
        raise _refusal(
            manifest, f"'{module_name}' has no '{class_name}'{_nearest(class_name, module)}"
        )
    if not (isinstance(made, type) and issubclass(made, Plugin)):
        raise _refusal(manifest, f"'{entry}' is not a subclass of Plugin")
    _check_kind(manifest, made)
    missing = sorted(made.__abstractmethods__)
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        raise _refusal(manifest, f"'{class_name}' does not implement {names}")
    try:
        return made()
    except PLUGIN_EXCEPTIONS as error:
        what = f"'{class_name}' cannot be made: {describe_exception(error, manifest.folder)}"
        raise _refusal(manifest, what) from None


def describe_exception(error: BaseException, folder: Path) -> str:
    """Say in one line what was raised, and where in the plugin: the traceback is for its log."""
    error = original_exception(error)
    message = next(iter(message_of(error).splitlines()), "")
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    place = _place(error, folder)
    return f"{text} ({place})" if place else text


def _import(manifest: Manifest, name: str) -> ModuleType:
    try:
        if has_module(manifest.folder, name):
            return import_from(manifest.folder, name)
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            what = f"module '{name}' was found neither in its folder nor among installed packages"
        else:
            what = f"'{name}' cannot be imported: {describe_exception(error, manifest.folder)}"
        raise _refusal(manifest, what) from None
    except PLUGIN_EXCEPTIONS as error:
        what = f"'{name}' cannot be imported: {describe_exception(error, manifest.folder)}"
        raise _refusal(manifest, what) from None


def _check_kind(manifest: Manifest, made: type[Plugin]) -> None:
    kind = getattr(made, "kind", None)
    if kind is None:
        raise _refusal(manifest, f"'{made.__name__}' has no kind: derive it from a kind's own base")
    if (kind.name, kind.major) != (manifest.kind, manifest.major):
        ours = f"{manifest.kind} {manifest.kind_api_version}"
        raise _refusal(
            manifest, f"'{made.__name__}' is of kind {kind.name} {kind.version}, not {ours}"
        )


def _place(error: BaseException, folder: Path) -> str:
    """Return `file:line` of the innermost frame in the folder; `""` if there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        found = [(error.filename, error.lineno or 1)]
    else:
        frames = traceback.extract_tb(error.__traceback__)
        found = [(frame.filename, frame.lineno or 1) for frame in frames]
    for name, line in reversed(found):
        file = Path(name)
        if file.is_relative_to(folder):
            return f"{file.relative_to(folder)}:{line}"
    return ""


def _nearest(name: str, module: ModuleType) -> str:
    import difflib

    near = difflib.get_close_matches(name, vars(module), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _refusal(manifest: Manifest, reason: str) -> PluginLoadError:
    return PluginLoadError(manifest.name, reason)
