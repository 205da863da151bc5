"""What a host knows of one plugin: its state, its channel, and what is being done with it."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from typing_extensions import override

from scaffold._concurrency.locks import no_lock_held
from scaffold.contract._errors.errors import PluginError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._in_process.in_flight import InFlightCalls
from scaffold.host._loading.plugin_loader import describe_exception
from scaffold.manifest._model import Manifest, Runtime

C = TypeVar("C")


class State(StrEnum):
    """What has become of a plugin.

    Attributes:
        REGISTERED: `start` will start it.
        STARTING: A thread or task starts it.
        READY: It is in use.
        DEGRADED: It is in use, although a call or a check of its health has failed since the last
            success.
        UNAVAILABLE: It is not used; the reason says why.
        RELOADING: It is torn down and set up again, and refuses calls meanwhile.
        CLOSED: The host is closed.
        LEAKED: It did not let go of what it took in time, and cannot be reloaded.
    """

    REGISTERED = "registered"
    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"
    RELOADING = "reloading"
    CLOSED = "closed"
    LEAKED = "leaked"


MAX_HEALTH_FAILURES: Final = 3
"""Checks of a plugin's health that fail in a row until it is not used any more."""


@dataclass(frozen=True, slots=True)
class Status:
    """A plugin as its host reports it.

    Attributes:
        name: Its name.
        kind: Its kind; empty if its manifest cannot be read.
        state: Its state.
        reason: Why it is degraded or unavailable.
        runtime: The one in use.
        kind_version: The version of the kind that the plugin implements, by its manifest.
    """

    name: str
    kind: str
    state: State
    reason: str = ""
    runtime: Runtime | None = None
    kind_version: str = ""

    @override
    def __repr__(self) -> str:
        return f"<Status {self}>"

    @override
    def __str__(self) -> str:
        kind = f"{self.kind} {self.kind_version}" if self.kind else "unknown kind"
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.name} ({kind}, {self.runtime or 'no runtime'}, {self.state}{reason})"


@dataclass(frozen=True, slots=True)
class LoadedPlugin(Generic[C]):
    """A plugin in use."""

    manifest: Manifest
    kind: Kind
    """The kind as the host sees it; its hooks are what `channel.bind` takes."""
    runtime: Runtime
    """The one that was picked."""
    channel: C
    entry_channel: C
    """The channel with the host's middleware: what callers get."""
    client: Plugin | None = None
    """What `load` returned; `None` for what was opened without bindings."""
    in_flight: InFlightCalls = field(default_factory=InFlightCalls)
    """The calls under way that came by dispatch, or, in process, any way."""

    @override
    def __repr__(self) -> str:
        state = "closed" if self.in_flight.closed else "in use"
        return (
            f"<LoadedPlugin {self.manifest.name} "
            f"({self.kind.name} {self.kind.version}, {self.runtime}, {state})>"
        )


@dataclass(slots=True)
class Entry(Generic[C]):
    """A plugin that is registered with the host."""

    name: str
    manifest: Manifest | None = None
    make: Callable[[], Plugin] | None = None
    """Makes a plugin that was registered as code; others come from their manifest."""
    once: bool = False
    """True if what was registered is an object: it cannot be made a second time."""
    state: State = State.REGISTERED
    reason: str = ""
    loaded: LoadedPlugin[C] | None = None
    failures: int = 0
    """Checks of its health that failed in a row."""
    claim: "Claim | None" = None
    """Held by the thread or task that starts or reloads it."""
    kind: Kind | None = None
    """The kind, runtime and client of the plugin that was used last: a reload keeps them."""
    runtime: Runtime | None = None
    client: Plugin | None = None

    def make_plugin(self) -> Plugin | None:
        """Make a plugin that was registered as code; return `None` for others."""
        if self.make is None:
            return None
        assert self.manifest is not None
        try:
            return self.make()
        except PluginError:
            raise
        except PLUGIN_EXCEPTIONS as error:
            what = f"'{self.manifest.entry_point}' cannot be made: "
            described = describe_exception(error, self.manifest.folder)
            raise PluginError(self.name, what + described) from None

    def fail(self, error: Exception) -> None:
        """Note why the plugin cannot be used."""
        self.state = State.UNAVAILABLE
        self.reason = error.reason if isinstance(error, PluginError) else str(error)
        self.loaded = None

    def log_failure(self) -> None:
        """Log why the plugin cannot be used. No lock may be held: a handler may call the host."""
        no_lock_held("a logging handler")
        logging.getLogger(f"plugin.{self.name}").error("it cannot be used: %s", self.reason)

    def record_teardown_failure(self, error: PluginError, *, leaked: bool) -> None:
        """Note that the plugin could not be torn down, unless another has taken its place."""
        if self.loaded is None:
            self.state = State.LEAKED if leaked else State.UNAVAILABLE
            self.reason = error.reason

    def degrade(self, error: BaseException) -> None:
        """Note that the plugin is in trouble, and in use all the same."""
        if self.state in {State.READY, State.DEGRADED}:
            self.state = State.DEGRADED
            self.reason = f"{type(error).__name__}: {error}"

    def record_health_failure(self, loaded: LoadedPlugin[C], error: BaseException) -> None:
        """Note that a check of the plugin's health has failed; it is not used after several."""
        if self._is_judged(loaded):
            self.failures += 1
            out = self.failures >= MAX_HEALTH_FAILURES
            before, self.state = self.state, State.UNAVAILABLE if out else State.DEGRADED
            self.reason = f"its health: {type(error).__name__}: {error}"
            if out and before is not State.UNAVAILABLE:
                self.log_failure()

    def record_health_success(self, loaded: LoadedPlugin[C]) -> None:
        """Note that the plugin is well."""
        if self._is_judged(loaded):
            self.state, self.reason, self.failures = State.READY, "", 0

    def _is_judged(self, loaded: LoadedPlugin[C]) -> bool:
        """Tell whether a check was of the plugin that is in use now."""
        used = {State.READY, State.DEGRADED, State.UNAVAILABLE}
        return self.loaded is loaded and self.state in used

    @property
    def status(self) -> Status:
        """The entry as it is now."""
        kind = self.manifest.kind if self.manifest else ""
        version = self.manifest.kind_api_version if self.manifest else ""
        runtime = self.loaded.runtime if self.loaded else None
        return Status(self.name, kind, self.state, self.reason, runtime, version)


class Claim:
    """The right to load, start or reload plugins, which one thread or task has at a time.

    A plugin is put to use by its claim only. One that was given up, as by a cancellation, has no
    right any more: what its threads still set up is torn down.
    """

    __slots__ = ("before", "doing", "over", "task", "thread")

    def __init__(self, doing: str, task: object = None) -> None:
        self.doing = doing
        """What is done, such as `reloaded`."""
        self.thread = threading.get_ident()
        self.task = task
        self.over = False
        """True once the work has ended: what it holds is free, even if nothing released it."""
        self.before: LoadedPlugin[Any] | None = None
        """The plugin in use whose place another one may take."""

    def is_mine(self, task: object) -> bool:
        """Tell whether this thread, or a task of it, holds the claim."""
        return self.thread == threading.get_ident() and self.task is task
