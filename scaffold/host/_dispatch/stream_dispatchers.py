"""Dispatched streams: which plugin is asked is decided when the stream is opened."""

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from scaffold.contract._errors.errors import DispatchError, ScaffoldError
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.dispatcher import Wanted
from scaffold.contract._hooks.hook import StreamHook
from scaffold.host._dispatch.bound_plugin import Stage, blamed
from scaffold.host._dispatch.kind_group import Kinship
from scaffold.host._registry.selection import Capabilities

__all__ = [
    "async_capability_stream",
    "async_singleton_stream",
    "capability_stream",
    "singleton_stream",
]

In = TypeVar("In")
Out = TypeVar("Out")
Items = TypeVar("Items")


def singleton_stream(
    kin: Kinship[Channel], hook: StreamHook[In, Out]
) -> Callable[[In], Generator[Out]]:
    """Ask the active plugin."""
    return _active(kin, {one.name: _watched(kin, one, hook) for one in kin.stages(hook)})


def async_singleton_stream(
    kin: Kinship[AsyncChannel], hook: StreamHook[In, Out]
) -> Callable[[In], AsyncGenerator[Out]]:
    """Ask the active plugin."""
    return _active(kin, {one.name: _async_watched(kin, one, hook) for one in kin.stages(hook)})


def capability_stream(
    kin: Kinship[Channel], hook: StreamHook[In, Out]
) -> Callable[[In, Wanted], Generator[Out]]:
    """Ask the best plugin that supports what is wanted, or the fallback."""
    return _capable(kin, [(one, _watched(kin, one, hook)) for one in kin.stages(hook)])


def async_capability_stream(
    kin: Kinship[AsyncChannel], hook: StreamHook[In, Out]
) -> Callable[[In, Wanted], AsyncGenerator[Out]]:
    """Ask the best plugin that supports what is wanted, or the fallback."""
    return _capable(kin, [(one, _async_watched(kin, one, hook)) for one in kin.stages(hook)])


def _active(kin: Kinship[Any], calls: Mapping[str, Callable[[In], Items]]) -> Callable[[In], Items]:
    if kin.policy is None:
        try:
            return calls[kin.active()]
        except DispatchError as error:
            return _raising(error)

    def call(payload: In) -> Items:
        name = kin.preferred() or kin.active()
        if name not in calls:
            raise kin.not_there(name)
        return calls[name](payload)

    return call


def _capable(
    kin: Kinship[Any], calls: list[tuple[Stage[Any], Callable[[In], Items]]]
) -> Callable[[In, Wanted], Items]:
    named = {stage.name: call for stage, call in calls}
    manifests = [(stage.manifest, call) for stage, call in calls]
    index = Capabilities(kin.kind.name, manifests, kin.failures)

    def call(payload: In, wanted: Wanted) -> Items:
        name = kin.chosen()
        if name is not None and name not in named:
            raise kin.not_there(name)
        found = index.find(wanted) if name is None else named[name]
        return found(payload)

    return call


def _watched(
    kin: Kinship[Channel], stage: Stage[Channel], hook: StreamHook[In, Out]
) -> Callable[[In], Generator[Out]]:
    """Count the streams of a plugin elsewhere, and note its failures; in process both is done."""
    if stage.local:
        return stage.call
    calls = kin.calls(hook)

    def items(made: Generator[Out]) -> Generator[Out]:
        calls.under_way += 1
        try:
            yield from made
        except ScaffoldError as error:
            raise blamed(stage, error) from None
        finally:
            calls.under_way -= 1

    return lambda payload: items(stage.call(payload))


def _async_watched(
    kin: Kinship[AsyncChannel], stage: Stage[AsyncChannel], hook: StreamHook[In, Out]
) -> Callable[[In], AsyncGenerator[Out]]:
    if stage.local:
        return stage.call
    calls = kin.calls(hook)

    async def items(made: AsyncGenerator[Out]) -> AsyncGenerator[Out]:
        calls.under_way += 1
        try:
            async with aclosing(made):
                async for item in made:
                    yield item
        except ScaffoldError as error:
            raise blamed(stage, error) from None
        finally:
            calls.under_way -= 1

    return lambda payload: items(stage.call(payload))


def _raising(error: DispatchError) -> Callable[[Any], Any]:
    def refuse(_payload: Any) -> Any:
        raise type(error)(error.plugin, error.reason)

    return refuse
