"""The plugins of one kind in one host, each bound to one hook, as dispatchers see them.

A fast path calls several plugins of this process in one loop, without a guard around each. It needs
the `HookBinding` of each. A channel gives it for hooks whose guards only look at classes.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from scaffold.contract._context.call_context import call_metadata
from scaffold.contract._errors.errors import (
    DispatchError,
    InternalError,
    InvalidOutput,
    NoCapableHandler,
    PluginError,
    ScaffoldError,
    TransportError,
)
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Dispatch, Hook, Kind, StreamHook
from scaffold.host._in_process.channel import InProcessChannel
from scaffold.host._in_process.hook_binding import HookBinding
from scaffold.host._in_process.in_flight import DispatchedCalls
from scaffold.host._middleware import MiddlewareChannel
from scaffold.host._registry.entries import Entry, State
from scaffold.host._registry.ranking import (
    Policy,
    active_override,
    check_fallbacks,
    dispatch_order,
    select_active,
)
from scaffold.manifest._missing_hooks import missing_hook_error
from scaffold.manifest._model import Manifest

C = TypeVar("C", Channel, AsyncChannel)


@dataclass(frozen=True, slots=True)
class BoundPlugin(Generic[C]):
    """One plugin's place in a call that may reach several."""

    entry: Entry[C]
    call: Callable[[Any], Any]
    """The guarded call; awaitable for an `AsyncChannel`. Of a stream hook, what opens a stream."""
    local: bool
    """True if there is nothing to wait for: the plugin runs in this process."""
    direct: HookBinding[Any, Any] | None = None
    absent: bool = False
    """True if the plugin lacks the hook, or offers it in process only: then the call raises so."""

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.entry.name

    @property
    def manifest(self) -> Manifest:
        """The plugin's manifest."""
        assert self.entry.manifest is not None
        return self.entry.manifest


def bind_plugin(entry: Entry[C], hook: Hook[Any, Any]) -> BoundPlugin[C]:
    """Bind a hook of a plugin in use; what cannot be bound raises when it is called."""
    loaded = entry.loaded
    assert loaded is not None
    channel, entry_channel = loaded.channel, loaded.entry_channel
    try:
        if missing_hook_error(entry_channel, hook) is not None:
            call = (
                entry_channel.stream(hook)
                if isinstance(hook, StreamHook)
                else entry_channel.bind(hook)
            )
            return BoundPlugin(entry, call, local=True, absent=True)
        if isinstance(hook, StreamHook):
            opened = entry_channel.stream(hook)
            return BoundPlugin(entry, opened, local=loaded.runtime == "in_process")
        call = entry_channel.bind(hook)
    except (PluginError, TransportError) as error:
        return BoundPlugin(entry, _refusing(error), local=True)
    open_way = not (isinstance(entry_channel, MiddlewareChannel) and entry_channel.guards(hook))
    if isinstance(channel, InProcessChannel) and open_way:
        return BoundPlugin(entry, call, local=True, direct=channel.direct(hook))
    return BoundPlugin(entry, call, local=loaded.runtime == "in_process")


def unguarded_calls(bound_plugins: Sequence[BoundPlugin[Any]]) -> list[HookBinding[Any, Any]]:
    """Return the unguarded calls of all plugins, if each has one and their classes are the same."""
    found = [bound.direct for bound in bound_plugins if bound.direct is not None]
    if len(found) < len(bound_plugins):
        return []
    classes = {(direct.input_class, direct.output_class) for direct in found}
    return found if len(classes) == 1 else []


def blame(bound: BoundPlugin[Any], error: BaseException) -> BaseException:
    """Return what the caller learns of a plugin's failure, and note that it is in trouble."""
    direct = bound.direct
    if direct is not None and not isinstance(error, ScaffoldError):
        error = direct.mask(error)
    error.add_note(f"plugin: {bound.name}")
    if isinstance(error, _TROUBLE):
        bound.entry.degrade(error)
    return error


_TROUBLE = (TransportError, InternalError, InvalidOutput)
"""What a plugin in order does not answer; other errors are answers."""


def _refusing(error: ScaffoldError) -> Callable[[Any], Any]:
    def refuse(_payload: Any) -> Any:
        raise error

    return refuse


_FOR_ALL: Final = (Dispatch.BROADCAST_COLLECT, Dispatch.BROADCAST_NOTIFY, Dispatch.CHAIN)
"""Dispatch classes whose calls reach every plugin that has the hook."""


class KindGroup(Generic[C]):
    """A kind that a host has registered; `entries` returns all plugins that the host knows."""

    def __init__(self, kind: Kind, entries: Callable[[], Collection[Entry[C]]]) -> None:
        self.kind = kind
        self.policy: Policy | None = None
        """Chooses by the metadata of a call; goes over everything else."""
        self.best_effort: frozenset[str] = frozenset()
        """Collecting hooks that this host has answer with what they can get."""
        self._entries: Callable[[], Collection[Entry[C]]] = entries
        self._calls: dict[str, DispatchedCalls] = {}
        self._left_out: dict[str, dict[str, str]] = {}
        """Hook → plugin → why it was left out."""

    def used(self) -> list[Entry[C]]:
        """Return the plugins in use, the first in rank first."""
        found = [entry for entry in self._group() if entry.loaded and _in_use(entry)]
        return sorted(found, key=lambda entry: dispatch_order(_manifest(entry)))

    def bound_plugins(self, hook: Hook[Any, Any]) -> list[BoundPlugin[C]]:
        """Bind a hook of every plugin in use, the first in rank first.

        Those that lack a hook which is for all plugins are left out.
        """
        found = [bind_plugin(entry, hook) for entry in self.used()]
        return [one for one in found if not one.absent] if hook.dispatch in _FOR_ALL else found

    def calls(self, hook: Hook[Any, Any]) -> DispatchedCalls:
        """Return the counter of the dispatched calls of a hook, for the plugins in use."""
        calls = self._calls.get(hook.name)
        if calls is None:
            calls = self._calls[hook.name] = DispatchedCalls()
            for entry in self.used():
                if entry.loaded is not None:
                    entry.loaded.in_flight.add(hook.name, calls)
        return calls

    def refresh(self) -> None:
        """Take note that the plugins in use are others."""
        for calls in self._calls.values():
            calls.over = True
        self._calls.clear()
        self._left_out.clear()

    def is_best_effort(self, hook: Hook[Any, Any]) -> bool:
        """Tell whether a collect leaves out the plugins that fail."""
        return hook.best_effort or hook.name in self.best_effort or self._is_catalogue(hook)

    def leave_out(self, bound: BoundPlugin[C], hook: Hook[Any, Any], error: BaseException) -> None:
        """Note a failure of a plugin that a call does without; warn of it once."""
        shown = blame(bound, error)
        known = self._left_out.setdefault(hook.name, {})
        if known.get(bound.name) != str(shown):
            known[bound.name] = str(shown)
            message = "%s: left out of '%s': %s: %s"
            logger = logging.getLogger(f"plugin.{bound.name}")
            logger.warning(message, bound.name, hook.name, type(shown).__name__, shown)

    def left_out(self, hook: Hook[Any, Any]) -> list[str]:
        """Return the plugins that calls of a hook had to do without."""
        return sorted(self._left_out.get(hook.name, ()))

    def _is_catalogue(self, hook: Hook[Any, Any]) -> bool:
        """Tell whether a hook lists functions: one bad list must not hide those of others."""
        hooks = self.kind.hooks.values()
        return any(one.functions and one.functions.catalogue == hook.name for one in hooks)

    def chosen(self) -> str | None:
        """Return the plugin that the policy names for the running call."""
        return None if self.policy is None else self.policy(call_metadata())

    def preferred(self) -> str | None:
        """Return the plugin that the policy, or else the environment, names."""
        return self.chosen() or active_override(self.kind.name)

    def active(self) -> str:
        """Return the plugin that answers for the kind; raise `DispatchError`."""
        manifests = [_manifest(entry) for entry in self.used()]
        return select_active(self.kind.name, manifests, self.failures)

    def check(self) -> None:
        """Raise `AmbiguousPlugin` if two plugins have an equal right to answer."""
        manifests = [
            _manifest(entry) for entry in self._group() if entry.state is not State.UNAVAILABLE
        ]
        check_fallbacks(self.kind.name, manifests)
        one = any(
            hook.dispatch == "singleton" and hook.functions is None
            for hook in self.kind.hooks.values()
        )
        if one and manifests and self.policy is None and active_override(self.kind.name) is None:
            select_active(self.kind.name, manifests)

    def plugin_not_loaded_error(self, name: str) -> DispatchError:
        """Return the error of a call to a plugin that is not in use."""
        there = ", ".join(entry.name for entry in self.used()) or "none"
        reason = f"plugin '{name}' was selected but is not in use (in use: {there})"
        return NoCapableHandler(self.kind.name, reason + self.failures())

    def no_plugin_error(self) -> DispatchError:
        """Return the error of a call that finds no plugin."""
        return NoCapableHandler(
            self.kind.name, f"no plugin of this kind is in use{self.failures()}"
        )

    def failures(self) -> str:
        """Return why plugins of this kind cannot be used, to be appended to a reason."""
        failed = [entry for entry in self._group() if entry.reason and not _in_use(entry)]
        return "".join(f"; '{entry.name}' is {entry.state}: {entry.reason}" for entry in failed)

    def _group(self) -> Sequence[Entry[C]]:
        return [
            entry
            for entry in self._entries()
            if entry.manifest
            and (entry.manifest.kind, entry.manifest.major) == (self.kind.name, self.kind.major)
        ]


def _in_use(entry: Entry[Any]) -> bool:
    return entry.state in {State.READY, State.DEGRADED}


def _manifest(entry: Entry[Any]) -> Manifest:
    assert entry.manifest is not None
    return entry.manifest


class DispatchClass:
    """Calls a hook over plugins of a kind: `call` is complete."""

    call: Callable[..., Any]

    def prepare(self) -> Callable[..., Any]:
        """Choose the function to call, once per change of the plugins."""
        return self.call
