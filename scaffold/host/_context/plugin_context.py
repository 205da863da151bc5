"""What a host has for its plugins: handed over in this process, or named to another one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pydantic_core import to_json

from scaffold.contract._context.telemetry import (
    NULL_METRICS,
    NULL_TRACER,
    LabelledMetrics,
    Metrics,
    Tracer,
)
from scaffold.contract._errors.errors import PluginError
from scaffold.contract._hooks.plugin import (
    CONFIG_VARIABLE,
    NoOtherPlugins,
    PluginContext,
    PluginLookup,
)
from scaffold.contract._json.types import Json, JsonObject
from scaffold.host._concurrency.background_calls import BackgroundCalls, BackgroundTasks
from scaffold.host._concurrency.time_limit import AbandonedWork
from scaffold.host._context.event_bus import Deliver, Events, Listening
from scaffold.manifest._compatibility import check_config
from scaffold.manifest._model import Manifest
from scaffold.manifest._secrets import Secrets
from scaffold.resources._context_data import CONTEXT_VARIABLE, ContextData
from scaffold.resources._folder_storage import Storage
from scaffold.resources._scope import ResourceScope
from scaffold.resources._standard import STANDARD, ResourceFactory, make_resources

if TYPE_CHECKING:
    from scaffold.client._process.fork_server import ForkServers


@dataclass(slots=True)
class HostServices:
    """What the plugins of one host share."""

    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])
    storage: Storage | None = None
    """Where plugins keep things; each keeps them for itself, for the while, if it is `None`."""
    metrics: Metrics = NULL_METRICS
    tracer: Tracer = NULL_TRACER
    registry: PluginLookup = field(default_factory=NoOtherPlugins)
    events: Events = field(default_factory=Events)
    background_calls: BackgroundCalls = field(default_factory=BackgroundCalls)
    """Makes calls in threads whose result is not awaited."""
    tasks: BackgroundTasks = field(default_factory=BackgroundTasks)
    """Delivers it in an event loop."""
    abandoned_work: AbandonedWork = field(default_factory=AbandonedWork)
    """Threads in which a plugin is still being set up though that was given up."""
    secrets: Secrets = field(default_factory=Secrets)
    """What manifests may name."""
    forks: "ForkServers | None" = None
    """Starts processes, where it can."""
    provided: dict[str, ResourceFactory] = field(default_factory=dict[str, ResourceFactory])
    """Resources of the application's, over the standard ones."""


@dataclass(frozen=True, slots=True)
class PluginEnvironment:
    """What one plugin gets."""

    manifest: Manifest
    config: JsonObject
    services: HostServices
    doubles: Mapping[str, Json] = field(default_factory=dict[str, Json])

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        services: HostServices | None = None,
        *,
        settings: Mapping[str, Json] | None = None,
        doubles: Mapping[str, Json] | None = None,
    ) -> "PluginEnvironment":
        """Put together what a plugin gets; raise `ManifestInvalid` for settings that are wrong.

        `settings` go over those of the manifest; `doubles` are standard resources that are none,
        and what they are made of: see `STANDARD`.
        """
        config = check_config(manifest, settings or {})
        return cls(manifest, config, services or HostServices(), doubles or {})

    def context(self, loan: ResourceScope, deliver: Deliver) -> PluginContext:
        """Make the context of a plugin of this process; raise `PluginError` if something lacks."""
        name, services, metrics = self.manifest.name, self.services, self.services.metrics
        storage = services.storage or Storage()
        if metrics is not NULL_METRICS:
            metrics = LabelledMetrics(metrics, {"plugin": name, "kind": self.manifest.kind})
        return PluginContext(
            name,
            config=self.config,
            facts=services.facts,
            resources=make_resources(name, self._surroundings(), storage, loan, services.provided),
            registry=services.registry,
            metrics=metrics,
            tracer=services.tracer,
            checkpoint=storage.checkpoints(name),
            event_bus=Listening(services.events, deliver, loan),
        )

    def variables(self) -> dict[str, str]:
        """Return the environment variables that tell the plugin's own process the same.

        Raises `PluginError` if it requires a resource that only this process has.
        """
        wanted = self.manifest.resources
        for name in wanted.required:
            if name not in STANDARD:
                there = ", ".join(sorted(STANDARD))
                reason = (
                    f"it requires the resource '{name}', "
                    f"and to a process of its own these can be lent: {there}"
                )
                raise PluginError(self.manifest.name, reason)
        storage = self.services.storage
        around = replace(self._surroundings(), storage=str(storage.folder()) if storage else None)
        told = {CONTEXT_VARIABLE: around.as_json()}
        if self.config:
            told[CONFIG_VARIABLE] = to_json(self.config).decode()
        return told

    def _surroundings(self) -> ContextData:
        wanted, services = self.manifest.resources, self.services
        return ContextData(
            kind=self.manifest.kind,
            facts=services.facts,
            required=wanted.required,
            optional=wanted.optional,
            awaited=self.manifest.execution_model == "async",
            doubles=self.doubles,
            telemetry=services.tracer.adapter,
        )
