"""Dispatch to one plugin of a kind: the active one, or the one with the wanted capabilities.

Both dispatch classes hand on what the plugin's own call returns: an output, something to await, or
a stream. So they are the same for threads and event loops.
"""

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, NoReturn, TypeAlias

from typing_extensions import override

from scaffold.contract._errors.errors import DispatchError, ScaffoldError
from scaffold.contract._hooks.dispatcher import Wanted
from scaffold.contract._hooks.hook import Hook
from scaffold.host._dispatch.kind_group import BoundPlugin, DispatchClass, KindGroup, blame
from scaffold.host._in_process.in_flight import DispatchedCalls
from scaffold.host._registry.ranking import CapabilityIndex

Call: TypeAlias = Callable[[Any], Any]
BoundCall: TypeAlias = tuple[BoundPlugin[Any], Call]
"""A plugin, and how a dispatcher calls its hook."""


class Singleton(DispatchClass):
    """Calls the active plugin: by policy, `DAGSTACK_ACTIVE_<KIND>`, or priority (ADR-0002 §1)."""

    def __init__(self, group: KindGroup[Any], calls: Sequence[BoundCall]) -> None:
        self._group = group
        self._named = {bound.name: call for bound, call in calls}

    @override
    def prepare(self) -> Call:
        """Return the function to call: without a policy, the plugin's own."""
        if self._group.policy is not None:
            return self.call
        try:
            return self._named[self._group.active()]
        except DispatchError as error:
            return partial(refuse, error)

    def call(self, payload: Any) -> Any:
        """Call the plugin that the policy names for this call, or else the active one."""
        name = self._group.preferred() or self._group.active()
        if name not in self._named:
            raise self._group.plugin_not_loaded_error(name)
        return self._named[name](payload)


class Capability(DispatchClass):
    """Calls the best plugin that supports what is wanted, or the fallback (ADR-0002 §5)."""

    def __init__(self, group: KindGroup[Any], calls: Sequence[BoundCall]) -> None:
        self._group = group
        self._named = {bound.name: call for bound, call in calls}
        manifests = [(bound.manifest, call) for bound, call in calls]
        self._index = CapabilityIndex(group.kind.name, manifests, group.failures)

    def call(self, payload: Any, wanted: Wanted) -> Any:
        """Call the plugin that the policy names for this call, or else the best one."""
        name = self._group.chosen()
        if name is None:
            return self._index.find(wanted)(payload)
        if name not in self._named:
            raise self._group.plugin_not_loaded_error(name)
        return self._named[name](payload)


def refuse(error: DispatchError, _payload: Any) -> NoReturn:
    """Raise a new error for each call that finds no plugin."""
    raise type(error)(error.plugin, error.reason)


def counted_calls(
    group: KindGroup[Any],
    hook: Hook[Any, Any],
    count: Callable[[BoundPlugin[Any], DispatchedCalls], Call],
) -> list[BoundCall]:
    """Return the call of each plugin in use, the first in rank first.

    `count` counts the calls of a plugin elsewhere, and notes its failures. A plugin in this process
    does both itself.
    """
    return [
        (bound, bound.call if bound.local else count(bound, group.calls(hook)))
        for bound in group.bound_plugins(hook)
    ]


def counted_call(bound: BoundPlugin[Any], calls: DispatchedCalls) -> Call:
    """Return a counted call that is waited for."""

    def call(payload: Any) -> Any:
        calls.running += 1
        try:
            return bound.call(payload)
        except ScaffoldError as error:
            raise blame(bound, error) from None
        finally:
            calls.running -= 1

    return call


def counted_async_call(bound: BoundPlugin[Any], calls: DispatchedCalls) -> Call:
    """Return a counted call that is awaited."""

    async def call(payload: Any) -> Any:
        calls.running += 1
        try:
            return await bound.call(payload)
        except ScaffoldError as error:
            raise blame(bound, error) from None
        finally:
            calls.running -= 1

    return call


def counted_stream(bound: BoundPlugin[Any], calls: DispatchedCalls) -> Call:
    """Return what opens a stream that is counted from its first item to its end."""

    def items(made: Generator[Any]) -> Generator[Any]:
        calls.running += 1
        try:
            yield from made
        except ScaffoldError as error:
            raise blame(bound, error) from None
        finally:
            calls.running -= 1

    return lambda payload: items(bound.call(payload))


def counted_async_stream(bound: BoundPlugin[Any], calls: DispatchedCalls) -> Call:
    """Return what opens a stream for an event loop, counted in the same way."""

    async def items(made: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
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
