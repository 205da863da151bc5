"""One plugin as a dispatcher sees it: the function that calls one hook of it.

A fast path calls several plugins of this process in one loop, without a guard around each. It needs
an `UnguardedCall` of each, which exists for hooks whose outputs are valid by their class alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from scaffold.contract._errors.errors import (
    InternalError,
    InvalidOutput,
    PluginError,
    ScaffoldError,
    TransportError,
)
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Hook, StreamHook
from scaffold.host._in_process import InProcessChannel
from scaffold.host._in_process.hook_binding import UnguardedCall
from scaffold.host._middleware.middleware import MiddlewareChannel
from scaffold.host._registry.entries import Entry
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
    direct: UnguardedCall | None = None
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


def blame(bound: BoundPlugin[Any], error: BaseException) -> BaseException:
    """Return what the caller learns of a plugin's failure, and note that it is in trouble."""
    direct = bound.direct
    if direct is not None and not isinstance(error, ScaffoldError):
        error = direct.fail(error)
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
