"""What a host has for its plugins: handed over in this process, or named to another one.

The event bus lives in the process of the host: an event is delivered at most once, and none is kept
(ADR-0001, EventBus).
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pydantic_core import from_json, to_json

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, no_lock_held, reentrant_lock
from scaffold.contract._context.events import Handler, Subscription
from scaffold.contract._context.telemetry import (
    NULL_METRICS,
    NULL_TRACER,
    LabelledMetrics,
    Metrics,
    Tracer,
)
from scaffold.contract._errors.errors import PluginError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.plugin import (
    CONFIG_VARIABLE,
    NoOtherPlugins,
    PluginContext,
    PluginLookup,
)
from scaffold.contract._json import Json, JsonObject
from scaffold.host._concurrency.background_work import BackgroundCalls, BackgroundTasks
from scaffold.host._concurrency.time_limit import AbandonedWork
from scaffold.manifest._compatibility import check_config
from scaffold.manifest._model import Manifest
from scaffold.manifest._secrets import Secrets
from scaffold.resources._context_data import CONTEXT_VARIABLE, ContextData
from scaffold.resources._folder_storage import Storage
from scaffold.resources._scope import ResourceScope
from scaffold.resources._standard import STANDARD, ResourceFactory, make_resources

if TYPE_CHECKING:
    import asyncio

    from scaffold.client._process.fork_server_client import ForkServers


Deliver: TypeAlias = Callable[[Handler, Any], None]
"""Has a handler called, where its party lives, and does not wait for it."""


class _Listener(NamedTuple):
    subscription: Subscription
    deliver: Deliver
    loan: ResourceScope | None


class Events:
    """The subscriptions of one host. Any thread may use it."""

    def __init__(self) -> None:
        self._unlock()
        self._topics: dict[str, list[_Listener]] = {}
        reset_after_fork(self._unlock)

    def publish(self, topic: str, payload: Any = None) -> None:
        """Give every subscriber a copy; raise `TypeError` if the payload is not JSON."""
        try:
            data = to_json(payload, by_alias=True)
        except ValueError as error:
            raise TypeError(f"the payload of an event is JSON: {error}") from None
        for listener in tuple(self._topics.get(topic, ())):
            no_lock_held("an event handler")
            listener.deliver(listener.subscription.handler, from_json(data))

    def add(
        self, subscription: Subscription, deliver: Deliver, loan: ResourceScope | None = None
    ) -> None:
        """Call a handler for the events of its topic; `loan` is that of its plugin."""
        with self._lock:
            self._topics.setdefault(subscription.topic, []).append(
                _Listener(subscription, deliver, loan)
            )

    def drop(self, subscription: Subscription) -> None:
        """Call a handler no more. May be repeated."""
        with self._lock:
            known = self._topics.get(subscription.topic, [])
            known[:] = filter(lambda one: one.subscription is not subscription, known)

    def leave(self, loan: ResourceScope) -> None:
        """Call none of the handlers of a plugin, which a fork sets up again."""
        with self._lock:
            for known in self._topics.values():
                known[:] = filter(lambda one: one.loan is not loan, known)

    def _unlock(self) -> None:
        # A signal handler may subscribe while the code below it does.
        self._lock = reentrant_lock(Rank.GLOBAL)


class Listening:
    """The bus of one subscriber; after its resources are closed it receives nothing."""

    def __init__(self, events: Events, deliver: Deliver, loan: ResourceScope | None = None) -> None:
        self._events = events
        self._deliver = deliver
        self._loan = loan

    def publish(self, topic: str, payload: Any = None) -> None:
        """Send a payload to the subscribers of a topic, without waiting for them."""
        self._events.publish(topic, payload)

    def subscribe(self, topic: str, handler: Handler) -> Subscription:
        """Have a function called with the payload of each event of a topic, from now on."""
        subscription = Subscription(topic, handler)
        self._events.add(subscription, self._deliver, self._loan)
        if self._loan is not None:
            self._loan.callback(self._events.drop, subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Hear no more. May be repeated."""
        self._events.drop(subscription)


def in_threads(
    background_calls: BackgroundCalls, name: str, settle: Callable[[Any], Any]
) -> Deliver:
    """Deliver by threads, to one party in order; `settle` waits for what is awaitable."""
    return lambda handler, payload: background_calls.send(
        name, lambda content: settle(handler(content)), payload
    )


def in_loop(loop: "asyncio.AbstractEventLoop", tasks: BackgroundTasks, name: str) -> Deliver:
    """Deliver in an event loop."""

    async def told(handler: Handler, payload: Any) -> None:
        try:
            answer = handler(payload)
            if isawaitable(answer):
                await answer
        except PLUGIN_EXCEPTIONS as error:
            logging.getLogger(f"plugin.{name}").warning("plugin=%s error=%s", name, error)

    def begin(handler: Handler, payload: Any) -> None:
        tasks.begin(told(handler, payload))

    process = os.getpid()

    def deliver(handler: Handler, payload: Any) -> None:
        if os.getpid() != process:
            # The loop is one of the parent process, which must not be touched.
            logging.getLogger(f"plugin.{name}").warning(
                "plugin=%s error=an event is dropped: the event loop of its handler is that of "
                "the process that was forked",
                name,
            )
        elif not loop.is_closed():
            loop.call_soon_threadsafe(partial(begin, handler, payload))

    return deliver


@dataclass(slots=True)
class HostServices:
    """What the plugins of one host share."""

    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])
    storage: Storage | None = None
    """Where plugins keep things; each keeps them for itself, for the while, if it is `None`."""
    settings: dict[str, Mapping[str, Json]] = field(default_factory=dict[str, Mapping[str, Json]])
    """The settings of the application for plugins, by their names; over those of manifests."""
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
        doubles: Mapping[str, Json] | None = None,
    ) -> "PluginEnvironment":
        """Put together what a plugin gets; raise `ManifestInvalid` for settings that are wrong.

        `doubles` are standard resources that are none, and what they are made of: see `STANDARD`.
        """
        services = services or HostServices()
        config = check_config(manifest, services.settings.get(manifest.name, {}))
        return cls(manifest, config, services, doubles or {})

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
