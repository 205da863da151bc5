"""One plugin as a dispatcher sees it: the function that calls one hook of it, and the shortest way.

Several plugins of this process may be called in one loop, without a guard around each: a `Direct`
is what that loop needs, for those hooks whose answers prove themselves by their class.
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
from scaffold.host._in_process.hook_binding import Direct
from scaffold.host._middleware.middleware import Entrance
from scaffold.host._registry.entries import Entry
from scaffold.manifest._missing_hooks import lacking
from scaffold.manifest._model import Manifest

__all__ = ["Stage", "blamed", "stage"]

C = TypeVar("C", Channel, AsyncChannel)


@dataclass(frozen=True, slots=True)
class Stage(Generic[C]):
    """One plugin's place in a call that may reach several."""

    entry: Entry[C]
    call: Callable[[Any], Any]
    """The guarded call; awaitable for an `AsyncChannel`. Of a stream hook, what opens a stream."""
    local: bool
    """True if there is nothing to wait for: the plugin runs in this process."""
    direct: Direct | None = None
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


def stage(entry: Entry[C], hook: Hook[Any, Any]) -> Stage[C]:
    """Bind a hook of a plugin in use; what cannot be bound raises when it is called."""
    loaded = entry.loaded
    assert loaded is not None
    channel, entrance = loaded.channel, loaded.entrance
    try:
        if lacking(entrance, hook) is not None:
            call = entrance.stream(hook) if isinstance(hook, StreamHook) else entrance.bind(hook)
            return Stage(entry, call, local=True, absent=True)
        if isinstance(hook, StreamHook):
            opened = entrance.stream(hook)
            return Stage(entry, opened, local=loaded.runtime == "in_process")
        call = entrance.bind(hook)
    except (PluginError, TransportError) as error:
        return Stage(entry, _refusing(error), local=True)
    open_way = not (isinstance(entrance, Entrance) and entrance.guards(hook))
    if isinstance(channel, InProcessChannel) and open_way:
        return Stage(entry, call, local=True, direct=channel.direct(hook))
    return Stage(entry, call, local=loaded.runtime == "in_process")


def blamed(stage: Stage[Any], error: BaseException) -> BaseException:
    """Return what the caller learns of a plugin's failure, and note that it is in trouble."""
    direct = stage.direct
    if direct is not None and not isinstance(error, ScaffoldError):
        error = direct.fail(error)
    error.add_note(f"plugin: {stage.name}")
    if isinstance(error, _TROUBLE):
        stage.entry.degrade(error)
    return error


_TROUBLE = (TransportError, InternalError, InvalidOutput)
"""What a plugin in order does not answer; other errors are answers."""


def _refusing(error: ScaffoldError) -> Callable[[Any], Any]:
    def refuse(_payload: Any) -> Any:
        raise error

    return refuse
