"""From a manifest's `entry_point` to a plugin, and to one clear line when there is none."""

import importlib
import traceback
from pathlib import Path
from types import ModuleType

from scaffold.contract._errors.errors import PluginLoadError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS, original_exception
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._loading.module_import import has_module, import_from
from scaffold.manifest._model import Manifest


def load_plugin(manifest: Manifest) -> Plugin:
    """Import the class that the manifest names, from its folder or installed, and make a plugin.

    Raises `PluginLoadError` with the cause in one line.
    """
    entry = manifest.entry_point
    assert entry is not None
    module_name, _, class_name = entry.partition(":")
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
    message = next(iter(str(error).splitlines()), "")
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
    major = int(kind.version.partition(".")[0])
    if (kind.name, major) != (manifest.kind, manifest.major):
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
