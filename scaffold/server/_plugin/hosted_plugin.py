"""A plugin in its server: the context that it is set up with, and the end of both.

The host says in the environment what it would hand over in its own process. To a plugin that nobody
has started for a host, its manifest says what it needs.
"""

import os
import sys
from collections.abc import Awaitable
from dataclasses import replace
from inspect import isawaitable
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json

from scaffold.contract._context.telemetry import NULL_TRACER, Tracer
from scaffold.contract._errors.errors import PluginLoadError
from scaffold.contract._hooks.hook import MaybeAwaitable
from scaffold.contract._hooks.plugin import CONFIG_VARIABLE, Plugin, PluginContext
from scaffold.contract._json.types import Json, JsonObject, is_object
from scaffold.resources._context_data import CONTEXT_VARIABLE, ContextData
from scaffold.resources._scope import ResourceScope
from scaffold.server._process.private_settings import take_private

__all__ = ["Guest"]

STORAGE_VARIABLE: Final = "SCAFFOLD_STORAGE"
"""Names the folder for blobs and checkpoints, for a server that no host has started."""
TELEMETRY_VARIABLE: Final = "SCAFFOLD_TELEMETRY"
"""`opentelemetry` switches metrics and traces on, for a server that no host has started."""


class Guest:
    """One plugin, from its setup to its teardown."""

    def __init__(self, plugin: Plugin, name: str) -> None:
        self.plugin = plugin
        self.name = name
        self.tracer: Tracer = NULL_TRACER
        """Traces the calls of its hooks."""
        self._loan = ResourceScope()

    def set_up(self) -> MaybeAwaitable[None]:
        """Hand the plugin its context; raise `PluginError`, or what the plugin raises."""
        around, config = self._told()
        if around.telemetry:
            from scaffold.resources.otel import OtelTracer

            self.tracer = OtelTracer()
        if type(self.plugin).setup is Plugin.setup:
            return None
        return self.plugin.setup(self._context(around, config))

    def tear_down(self) -> MaybeAwaitable[None]:
        """End the plugin, and take back what it was lent."""
        answer = self.plugin.teardown()
        return self._tear_down(answer) if isawaitable(answer) else self._loan.end()

    async def _tear_down(self, answer: Awaitable[None]) -> None:
        await answer
        ended = self._loan.end()
        if ended is not None:
            await ended

    def _context(self, around: ContextData, config: JsonObject) -> PluginContext:
        from scaffold.resources._folder_storage import Storage
        from scaffold.resources._standard import make_resources

        name, storage = self.name, Storage(around.storage)
        self._loan.callback(storage.close)
        return PluginContext(
            name,
            config=config,
            facts=around.facts,
            resources=make_resources(name, around, storage, self._loan),
            checkpoint=storage.checkpoints(name),
            tracer=self.tracer,
            **_metrics(around, name),
        )

    def _told(self) -> tuple[ContextData, JsonObject]:
        """Return what the host has said in the environment, or else what the manifest says."""
        told, config = self._read(CONTEXT_VARIABLE), self._read(CONFIG_VARIABLE)
        if told is not None:
            return ContextData.of(told), config or {}
        if type(self.plugin).setup is Plugin.setup:
            manifest: JsonObject = {}
        else:
            manifest = _manifest(self.plugin)
        around = ContextData.of(
            {
                **_table(manifest, "resources"),
                "kind": self.plugin.kind.name,
                "awaited": manifest.get("execution_model") == "async",
            }
        )
        around = replace(
            around,
            storage=os.environ.get(STORAGE_VARIABLE),
            telemetry=os.environ.get(TELEMETRY_VARIABLE, ""),
        )
        return around, {**_table(manifest, "config"), **(config or {})}

    def _read(self, variable: str) -> JsonObject | None:
        text = take_private().get(variable)
        if text is None:
            return None
        try:
            content = from_json(text)
        except ValueError:
            content = None
        if not is_object(content):
            raise PluginLoadError(self.name, f"the variable '{variable}' holds no JSON object")
        return content


def _metrics(around: ContextData, name: str) -> dict[str, Any]:
    if not around.telemetry:
        return {}
    from scaffold.contract._context.telemetry import LabelledMetrics
    from scaffold.resources.otel import OtelMetrics

    return {"metrics": LabelledMetrics(OtelMetrics(), {"plugin": name, "kind": around.kind})}


def _manifest(plugin: Plugin) -> JsonObject:
    """Return the manifest beside the plugin's package or module, empty if there is none."""
    from scaffold.manifest._lookup import read_table

    top = sys.modules.get(type(plugin).__module__.partition(".")[0])
    file = getattr(top, "__file__", None)
    if file is None:
        return {}
    here = Path(file).parent
    return read_table(here.parent if Path(file).name == "__init__.py" else here) or {}


def _table(manifest: JsonObject, name: str) -> JsonObject:
    found: Json = manifest.get(name)
    return found if is_object(found) else {}
