"""Hooks that one side of a contract lacks: host and plugin are of different minor versions.

A newer minor version adds hooks. A plugin of an older one has no such hook, and is used all the
same: broadcasts and chains leave it out, and other calls of the hook raise `UnsupportedHook`.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from scaffold.contract.channel import AsyncChannel, Channel
from scaffold.contract.errors import RuntimeNotSupported, UnsupportedHook
from scaffold.contract.hook import Hook, Kind, StreamHook
from scaffold.host.manifest import Manifest

__all__ = ["Tolerant", "lacking", "tolerant"]

C = TypeVar("C", Channel, AsyncChannel)


def tolerant(channel: C, manifest: Manifest, kind: Kind) -> C:
    """Return the channel that binds hooks which the plugin lacks, if it may lack any.

    A plugin whose manifest says the version of the host's contract has all its hooks, or is wrong.
    """
    if manifest.kind_api_version == kind.version:
        return channel
    made: Any = Tolerant(channel, manifest, kind)
    found: C = made
    return found


def lacking(entrance: Any, hook: Hook[Any, Any]) -> UnsupportedHook | None:
    """Return the error of every call of a hook that a plugin lacks; `None` if it has the hook."""
    lacks = getattr(entrance, "lacks", None)
    error: UnsupportedHook | None = None if lacks is None else lacks(hook)
    return error


class Tolerant:
    """A channel, of either sort, to a plugin of another minor version than the host's."""

    def __init__(self, channel: Any, manifest: Manifest, kind: Kind) -> None:
        self._channel = channel
        self._manifest = manifest
        self._kind = kind
        self._awaited = iscoroutinefunction(getattr(channel, "aclose", None))

    @property
    def runtime(self) -> str:
        """Where the plugin runs."""
        runtime: str = self._channel.runtime
        return runtime

    def bind(self, hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Return the function that calls a hook, or that refuses to."""
        call, error = self._bound(hook)
        if error is None:
            return call
        return _refusing_async(error) if self._awaited else _refusing(error)

    def stream(self, hook: StreamHook[Any, Any]) -> Callable[[Any], Any]:
        """Return the function that opens a stream, or one that raises at its first item."""
        call, error = self._bound(hook)
        if error is None:
            return call
        return _no_stream_async(error) if self._awaited else _no_stream(error)

    def lacks(self, hook: Hook[Any, Any]) -> UnsupportedHook | None:
        """Return the error of calls of a hook that the plugin lacks; `None` if it has it."""
        return self._bound(hook)[1]

    def _bound(self, hook: Hook[Any, Any]) -> tuple[Callable[[Any], Any], UnsupportedHook | None]:
        bind = self._channel.stream if isinstance(hook, StreamHook) else self._channel.bind
        try:
            return bind(hook), None
        except UnsupportedHook as error:
            return _refusing(error), error
        except RuntimeNotSupported:
            if not hook.exposed:
                raise
            theirs = self._manifest.kind_api_version
            absent = UnsupportedHook(self._manifest.name, hook.name, theirs, self._kind.version)
            return _refusing(absent), absent


def _again(error: UnsupportedHook) -> UnsupportedHook:
    return UnsupportedHook(error.plugin, error.hook, error.theirs, error.ours)


def _refusing(error: UnsupportedHook) -> Callable[[Any], Any]:
    def refuse(_payload: Any) -> Any:
        raise _again(error)

    return refuse


def _refusing_async(error: UnsupportedHook) -> Callable[[Any], Any]:
    async def refuse(_payload: Any) -> Any:
        raise _again(error)

    return refuse


def _no_stream(error: UnsupportedHook) -> Callable[[Any], Generator[Any]]:
    def refuse(_payload: Any) -> Generator[Any]:
        raise _again(error)
        yield

    return refuse


def _no_stream_async(error: UnsupportedHook) -> Callable[[Any], AsyncGenerator[Any]]:
    async def refuse(_payload: Any) -> AsyncGenerator[Any]:
        raise _again(error)
        yield

    return refuse
