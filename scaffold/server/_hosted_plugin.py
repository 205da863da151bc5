"""The plugin of a server: imported, created, set up and torn down.

The host passes the plugin's context in environment variables. Without a host, the server reads
settings and resources from the plugin's manifest.
"""

import os
import sys
import traceback
from collections.abc import Awaitable, Iterable
from dataclasses import replace
from importlib import import_module
from inspect import isawaitable
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json

from scaffold.contract._context.telemetry import NULL_TRACER, Tracer
from scaffold.contract._errors.errors import PluginError, PluginLoadError, RuntimeNotSupported
from scaffold.contract._errors.masking import message_of
from scaffold.contract._hooks.hook import MaybeAwaitable
from scaffold.contract._hooks.plugin import CONFIG_VARIABLE, Plugin, PluginContext
from scaffold.contract._json import Json, JsonObject, is_object
from scaffold.resources._context_data import CONTEXT_VARIABLE, ContextData
from scaffold.resources._scope import ResourceScope
from scaffold.server._process.private_settings import take_private_variables

STORAGE_VARIABLE: Final = "SCAFFOLD_STORAGE"
"""The variable with the folder for blobs and checkpoints, for a server without a host."""
TELEMETRY_VARIABLE: Final = "SCAFFOLD_TELEMETRY"
"""The variable that enables metrics and traces (`opentelemetry`), for a server without a host."""
_SCAFFOLD_FOLDER = str(Path(__file__).parents[1])


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


class HostedPlugin:
    """One plugin, from its setup to its teardown."""

    def __init__(self, plugin: Plugin, name: str) -> None:
        self.plugin = plugin
        self.name = name
        self.tracer: Tracer = NULL_TRACER
        """Traces the calls of the plugin's hooks; set by `set_up`."""
        self._resource_scope = ResourceScope()

    def set_up(self) -> MaybeAwaitable[None]:
        """Call the plugin's `setup` with its context.

        Raises:
            PluginError: If the context cannot be read. Other exceptions come from the plugin.
        """
        context, config = self._read_context()
        if context.telemetry:
            from scaffold.resources.otel import OtelTracer

            self.tracer = OtelTracer()
        if type(self.plugin).setup is Plugin.setup:
            return None
        return self.plugin.setup(self._context(context, config))

    def tear_down(self) -> MaybeAwaitable[None]:
        """Call the plugin's `teardown`, then release its resources."""
        pending = self.plugin.teardown()
        return (
            self._tear_down_async(pending) if isawaitable(pending) else self._resource_scope.end()
        )

    async def _tear_down_async(self, pending: Awaitable[None]) -> None:
        await pending
        ended = self._resource_scope.end()
        if ended is not None:
            await ended

    def _context(self, context: ContextData, config: JsonObject) -> PluginContext:
        from scaffold.resources._folder_storage import Storage
        from scaffold.resources._standard import make_resources

        name, storage = self.name, Storage(context.storage)
        self._resource_scope.callback(storage.close)
        return PluginContext(
            name,
            config=config,
            facts=context.facts,
            resources=make_resources(name, context, storage, self._resource_scope),
            checkpoint=storage.checkpoints(name),
            tracer=self.tracer,
            **_metrics(context, name),
        )

    def _read_context(self) -> tuple[ContextData, JsonObject]:
        """Return the context and settings from the host's variables, else from the manifest."""
        given, config = self._read_variable(CONTEXT_VARIABLE), self._read_variable(CONFIG_VARIABLE)
        if given is not None:
            return ContextData.of(given), config or {}
        if type(self.plugin).setup is Plugin.setup:
            manifest: JsonObject = {}
        else:
            manifest = _find_manifest(self.plugin)
        context = ContextData.of(
            {
                **_section(manifest, "resources"),
                "kind": self.plugin.kind.name,
                "awaited": manifest.get("execution_model") == "async",
            }
        )
        context = replace(
            context,
            storage=os.environ.get(STORAGE_VARIABLE),
            telemetry=os.environ.get(TELEMETRY_VARIABLE, ""),
        )
        return context, {**_section(manifest, "config"), **(config or {})}

    def _read_variable(self, variable: str) -> JsonObject | None:
        text = take_private_variables().get(variable)
        if text is None:
            return None
        try:
            content = from_json(text)
        except ValueError:
            content = None
        if not is_object(content):
            raise PluginLoadError(self.name, f"the variable '{variable}' must hold a JSON object")
        return content


def _metrics(context: ContextData, name: str) -> dict[str, Any]:
    if not context.telemetry:
        return {}
    from scaffold.contract._context.telemetry import LabelledMetrics
    from scaffold.resources.otel import OtelMetrics

    return {"metrics": LabelledMetrics(OtelMetrics(), {"plugin": name, "kind": context.kind})}


def _find_manifest(plugin: Plugin) -> JsonObject:
    """Return the manifest next to the plugin's package or module; empty if there is none."""
    from scaffold.manifest._lookup import read_table

    top = sys.modules.get(type(plugin).__module__.partition(".")[0])
    file = getattr(top, "__file__", None)
    if file is None:
        return {}
    here = Path(file).parent
    return read_table(here.parent if Path(file).name == "__init__.py" else here) or {}


def _section(manifest: JsonObject, name: str) -> JsonObject:
    found: Json = manifest.get(name)
    return found if is_object(found) else {}


def describe_failure(error: BaseException) -> str:
    """Describe an exception of the plugin's code in one line, with its file and line."""
    if isinstance(error, PluginError):
        return error.reason
    text = " ".join(message_of(error).split())
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


def _is_plugin_code(filename: str) -> bool:
    return not filename.startswith((_SCAFFOLD_FOLDER, "<", *_library_folders()))


def _library_folders() -> Iterable[str]:
    """Return the folders of the standard library and of installed packages."""
    return (str(Path(traceback.__file__).parent), sys.prefix + "/lib/")


def _relative_path(filename: str) -> str:
    path = Path(filename)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else filename
