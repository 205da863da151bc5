"""Hooks that a plugin cannot be asked for, although its host has them in its contract.

A newer minor version adds hooks. A plugin of an older one has no such hook, and is used all the
same: broadcasts and chains leave it out, and other calls of the hook raise `UnsupportedHook`. The
same holds for hooks that are offered in process only, if the plugin runs elsewhere: other calls of
them raise `RuntimeNotSupported`.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from scaffold.contract._errors.errors import (
    InvalidOutput,
    PluginError,
    ProtocolError,
    RuntimeNotSupported,
    UnsupportedHook,
)
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Dispatch, Hook, Kind, StreamHook
from scaffold.manifest._model import Manifest

C = TypeVar("C", Channel, AsyncChannel)


def allow_missing_hooks(channel: C, manifest: Manifest, kind: Kind) -> C:
    """Return the channel that binds hooks which the plugin lacks, if it may lack any.

    A plugin whose manifest says the version of the host's contract has all its hooks, or is wrong.
    Hooks that are offered in process only are not part of a plugin that runs elsewhere. Raises
    `PluginError` if it has no hook at all there: then it is not of another version, but of another
    kind.
    """
    elsewhere = channel.runtime != "in_process"
    hidden = elsewhere and not all(hook.exposed for hook in kind.hooks.values())
    if manifest.kind_api_version == kind.version and not hidden:
        return channel
    made: Any = Tolerant(channel, manifest, kind)
    exposed = [hook for hook in kind.hooks.values() if hook.exposed]
    if elsewhere and exposed and all(map(made.lacks, exposed)):
        ours = f"{kind.name} {kind.version}"
        raise PluginError(manifest.name, f"it has no hook of the kind {ours}; is it of that kind?")
    found: C = made
    return found


def missing_hook_error(entrance: Any, hook: Hook[Any, Any]) -> PluginError | None:
    """Return the error of every call of a hook that a plugin lacks; `None` if it has the hook."""
    lacks = getattr(entrance, "lacks", None)
    error: PluginError | None = None if lacks is None else lacks(hook)
    return error


class Tolerant:
    """A channel, of either sort, to a plugin that may lack hooks of the host's contract."""

    def __init__(self, channel: Any, manifest: Manifest, kind: Kind) -> None:
        self._channel = channel
        self._manifest = manifest
        self._kind = kind
        self._other = manifest.kind_api_version != kind.version
        self._awaited = iscoroutinefunction(getattr(channel, "aclose", None))

    @property
    def runtime(self) -> str:
        """Where the plugin runs."""
        runtime: str = self._channel.runtime
        return runtime

    def bind(self, hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Return the function that calls a hook, or that refuses to."""
        call, error = self._bound(hook)
        if error is not None:
            return _refusing_async(error) if self._awaited else _refusing(error)
        if self._other and hook.dispatch is Dispatch.BROADCAST_NOTIFY:
            return _unread_async(call) if self._awaited else _unread(call)
        return call

    def stream(self, hook: StreamHook[Any, Any]) -> Callable[[Any], Any]:
        """Return the function that opens a stream, or one that raises at its first item."""
        call, error = self._bound(hook)
        if error is None:
            return call
        return _no_stream_async(error) if self._awaited else _no_stream(error)

    def lacks(self, hook: Hook[Any, Any]) -> PluginError | None:
        """Return the error of calls of a hook that the plugin lacks; `None` if it has it."""
        return self._bound(hook)[1]

    def _bound(self, hook: Hook[Any, Any]) -> tuple[Callable[[Any], Any], PluginError | None]:
        bind = self._channel.stream if isinstance(hook, StreamHook) else self._channel.bind
        try:
            return bind(hook), None
        except UnsupportedHook as error:
            return _refusing(error), error
        except RuntimeNotSupported as error:
            if not hook.exposed:
                return _refusing(error), error
            if not self._other:
                raise
            theirs = self._manifest.kind_api_version
            absent = UnsupportedHook(self._manifest.name, hook.name, theirs, self._kind.version)
            return _refusing(absent), absent


def _again(error: PluginError) -> PluginError:
    if isinstance(error, UnsupportedHook):
        return UnsupportedHook(error.plugin, error.hook, error.theirs, error.ours)
    return type(error)(error.plugin, error.reason)


def _unread(call: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Call a hook that only notifies: nothing reads its output, so versions may differ in it."""

    def notify(payload: Any) -> None:
        with suppress(InvalidOutput, ProtocolError):
            call(payload)

    return notify


def _unread_async(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def notify(payload: Any) -> None:
        with suppress(InvalidOutput, ProtocolError):
            await call(payload)

    return notify


def _refusing(error: PluginError) -> Callable[[Any], Any]:
    def refuse(_payload: Any) -> Any:
        raise _again(error)

    return refuse


def _refusing_async(error: PluginError) -> Callable[[Any], Any]:
    async def refuse(_payload: Any) -> Any:
        raise _again(error)

    return refuse


def _no_stream(error: PluginError) -> Callable[[Any], Generator[Any]]:
    def refuse(_payload: Any) -> Generator[Any]:
        raise _again(error)
        yield

    return refuse


def _no_stream_async(error: PluginError) -> Callable[[Any], AsyncGenerator[Any]]:
    async def refuse(_payload: Any) -> AsyncGenerator[Any]:
        raise _again(error)
        yield

    return refuse
