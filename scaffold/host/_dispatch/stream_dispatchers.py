"""Dispatched streams: which plugin is asked is decided when the stream is opened."""

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from scaffold.contract._errors.errors import DispatchError, ScaffoldError
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.dispatcher import Wanted
from scaffold.contract._hooks.hook import StreamHook
from scaffold.host._dispatch.kind_group import BoundPlugin, KindGroup, blame
from scaffold.host._registry.ranking import CapabilityIndex

In = TypeVar("In")
Out = TypeVar("Out")
Items = TypeVar("Items")


def singleton_stream(
    group: KindGroup[Channel], hook: StreamHook[In, Out]
) -> Callable[[In], Generator[Out]]:
    """Ask the active plugin."""
    return _active(
        group, {one.name: _watched(group, one, hook) for one in group.bound_plugins(hook)}
    )


def async_singleton_stream(
    group: KindGroup[AsyncChannel], hook: StreamHook[In, Out]
) -> Callable[[In], AsyncGenerator[Out]]:
    """Ask the active plugin."""
    return _active(
        group, {one.name: _async_watched(group, one, hook) for one in group.bound_plugins(hook)}
    )


def capability_stream(
    group: KindGroup[Channel], hook: StreamHook[In, Out]
) -> Callable[[In, Wanted], Generator[Out]]:
    """Ask the best plugin that supports what is wanted, or the fallback."""
    return _capable(group, [(one, _watched(group, one, hook)) for one in group.bound_plugins(hook)])


def async_capability_stream(
    group: KindGroup[AsyncChannel], hook: StreamHook[In, Out]
) -> Callable[[In, Wanted], AsyncGenerator[Out]]:
    """Ask the best plugin that supports what is wanted, or the fallback."""
    return _capable(
        group, [(one, _async_watched(group, one, hook)) for one in group.bound_plugins(hook)]
    )


def _active(
    group: KindGroup[Any], calls: Mapping[str, Callable[[In], Items]]
) -> Callable[[In], Items]:
    if group.policy is None:
        try:
            return calls[group.active()]
        except DispatchError as error:
            return _raising(error)

    def call(payload: In) -> Items:
        name = group.preferred() or group.active()
        if name not in calls:
            raise group.plugin_not_loaded_error(name)
        return calls[name](payload)

    return call


def _capable(
    group: KindGroup[Any], calls: list[tuple[BoundPlugin[Any], Callable[[In], Items]]]
) -> Callable[[In, Wanted], Items]:
    named = {bound.name: call for bound, call in calls}
    manifests = [(bound.manifest, call) for bound, call in calls]
    index = CapabilityIndex(group.kind.name, manifests, group.failures)

    def call(payload: In, wanted: Wanted) -> Items:
        name = group.chosen()
        if name is not None and name not in named:
            raise group.plugin_not_loaded_error(name)
        found = index.find(wanted) if name is None else named[name]
        return found(payload)

    return call


def _watched(
    group: KindGroup[Channel], bound: BoundPlugin[Channel], hook: StreamHook[In, Out]
) -> Callable[[In], Generator[Out]]:
    """Count the streams of a plugin elsewhere, and note its failures; in process both is done."""
    if bound.local:
        return bound.call
    calls = group.calls(hook)

    def items(made: Generator[Out]) -> Generator[Out]:
        calls.running += 1
        try:
            yield from made
        except ScaffoldError as error:
            raise blame(bound, error) from None
        finally:
            calls.running -= 1

    return lambda payload: items(bound.call(payload))


def _async_watched(
    group: KindGroup[AsyncChannel], bound: BoundPlugin[AsyncChannel], hook: StreamHook[In, Out]
) -> Callable[[In], AsyncGenerator[Out]]:
    if bound.local:
        return bound.call
    calls = group.calls(hook)

    async def items(made: AsyncGenerator[Out]) -> AsyncGenerator[Out]:
        calls.running += 1
        try:
            async with aclosing(made):
                async for item in made:
                    yield item
        except ScaffoldError as error:
            raise blame(bound, error) from None
        finally:
            calls.running -= 1

    return lambda payload: items(bound.call(payload))


def _raising(error: DispatchError) -> Callable[[Any], Any]:
    def refuse(_payload: Any) -> Any:
        raise type(error)(error.plugin, error.reason)

    return refuse
