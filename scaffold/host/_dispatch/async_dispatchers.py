"""The five dispatch classes for an event loop; see `routes` for what each of them means."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from scaffold.contract._errors.errors import DispatchError, ScaffoldError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import AsyncChannel
from scaffold.contract._hooks.dispatcher import Wanted
from scaffold.contract._hooks.hook import Hook, StreamHook
from scaffold.host._concurrency.background_work import BackgroundTasks
from scaffold.host._dispatch.dispatchers import chain_result
from scaffold.host._dispatch.function_routing import by_function, one_owner, owners
from scaffold.host._dispatch.kind_group import BoundPlugin, KindGroup, blame
from scaffold.host._dispatch.stream_dispatchers import (
    async_capability_stream,
    async_singleton_stream,
)
from scaffold.host._registry.ranking import CapabilityIndex
from scaffold.manifest._model import Manifest

In = TypeVar("In")
Out = TypeVar("Out")


class AsyncHostRoutes:
    """Makes the functions of one dispatcher; `kin` is what the host knows of its kind."""

    def __init__(self, group: KindGroup[AsyncChannel], tasks: BackgroundTasks) -> None:
        self._group = group
        self._tasks = tasks

    def singleton(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Ask the active plugin."""
        bound_plugins = {
            bound.name: self._watched(bound, hook) for bound in self._group.bound_plugins(hook)
        }
        if hook.functions is not None:
            return self._by_function(hook, bound_plugins)
        if self._group.policy is None:
            try:
                return bound_plugins[self._group.active()]
            except DispatchError as error:
                return _raising(error)

        async def call(payload: In) -> Out:
            name = self._group.preferred() or self._group.active()
            if name not in bound_plugins:
                raise self._group.plugin_not_loaded_error(name)
            answer: Out = await bound_plugins[name](payload)
            return answer

        return call

    def broadcast_collect(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[list[Out]]]:
        """Ask every plugin, side by side; the answers are in the order of priority."""
        bound_plugins = self._group.bound_plugins(hook)
        calls = self._group.calls(hook)

        async def collect(payload: In) -> list[Out]:
            answers: list[Out] = []
            calls.running += 1
            try:
                for bound, answer in zip(
                    bound_plugins, await _asked(bound_plugins, payload), strict=True
                ):
                    if isinstance(answer, ScaffoldError):
                        if not self._group.is_best_effort(hook):
                            raise blame(bound, answer)
                        self._group.leave_out(bound, hook, answer)
                    else:
                        answers.append(answer)
            finally:
                calls.running -= 1
            return answers

        return collect

    def broadcast_notify(self, hook: Hook[In, Any]) -> Callable[[In], Awaitable[None]]:
        """Call every plugin in the background; failures are logged."""
        bound_plugins = self._group.bound_plugins(hook)

        async def notify(payload: In) -> None:
            for bound in bound_plugins:
                self._tasks.begin(_told(bound, payload))

        return notify

    def chain(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Hand each plugin's answer to the next one, until one raises `StopChain` or fails."""
        bound_plugins = self._group.bound_plugins(hook)
        calls = self._group.calls(hook)
        if not bound_plugins:
            return _raising(self._group.no_plugin_error())

        async def chain(payload: Any) -> Out:
            calls.running += 1
            try:
                for place, bound in enumerate(bound_plugins):
                    if place:
                        payload = hook.input.convert(payload, hook.output)
                    try:
                        payload = await bound.call(payload)
                    except ScaffoldError as error:
                        return chain_result(bound, hook, error)
            finally:
                calls.running -= 1
            last: Out = payload
            return last

        return chain

    def capability(self, hook: Hook[In, Out]) -> Callable[[In, Wanted], Awaitable[Out]]:
        """Ask the best plugin that supports what is wanted, or the fallback."""
        watched = [(bound, self._watched(bound, hook)) for bound in self._group.bound_plugins(hook)]
        named = {bound.name: call for bound, call in watched}
        manifests = [(bound.manifest, call) for bound, call in watched]
        index = CapabilityIndex(hook.kind.name, manifests, self._group.failures)

        async def call(payload: In, wanted: Wanted) -> Out:
            name = self._group.chosen()
            if name is not None and name not in named:
                raise self._group.plugin_not_loaded_error(name)
            found = index.find(wanted) if name is None else named[name]
            answer: Out = await found(payload)
            return answer

        return call

    def singleton_stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Open a stream of the active plugin."""
        return async_singleton_stream(self._group, hook)

    def capability_stream(
        self, hook: StreamHook[In, Out]
    ) -> Callable[[In, Wanted], AsyncGenerator[Out]]:
        """Open a stream of the best plugin that supports what is wanted."""
        return async_capability_stream(self._group, hook)

    def _watched(
        self, bound: BoundPlugin[AsyncChannel], hook: Hook[Any, Any]
    ) -> Callable[[Any], Any]:
        """Count the calls of a plugin elsewhere, and note its failures; in process both is done."""
        if bound.local:
            return bound.call
        calls = self._group.calls(hook)

        async def call(payload: Any) -> Any:
            calls.running += 1
            try:
                return await bound.call(payload)
            except ScaffoldError as error:
                raise blame(bound, error) from None
            finally:
                calls.running -= 1

        return call

    def _by_function(
        self, hook: Hook[Any, Any], calls: dict[str, Callable[[Any], Any]]
    ) -> Callable[[Any], Awaitable[Any]]:
        assert hook.functions is not None
        listing = hook.kind.hooks[hook.functions.catalogue]
        bound_plugins = self._group.bound_plugins(listing)
        known: dict[str, list[Manifest]] = {}

        async def call(payload: Any) -> Any:
            name = self._group.preferred()
            if name is None:
                function = by_function(hook, payload)
                if function not in known:
                    known.update(owners(listing, await self._catalogues(bound_plugins, listing)))
                silent = self._group.left_out(listing)
                candidates = known.get(function, [])
                name = one_owner(hook.kind.name, function, candidates, silent, self._group.failures)
            elif name not in calls:
                raise self._group.plugin_not_loaded_error(name)
            return await calls[name](payload)

        return call

    async def _catalogues(
        self, bound_plugins: Sequence[BoundPlugin[AsyncChannel]], listing: Hook[None, Any]
    ) -> list[tuple[Manifest, Any]]:
        """Ask every plugin for its functions; one that fails is left out."""
        found: list[tuple[Manifest, Any]] = []
        for bound, answer in zip(bound_plugins, await _asked(bound_plugins, None), strict=True):
            if isinstance(answer, ScaffoldError):
                self._group.leave_out(bound, listing, answer)
            else:
                found.append((bound.manifest, answer))
        return found


async def _asked(bound_plugins: Sequence[BoundPlugin[AsyncChannel]], payload: Any) -> list[Any]:
    """Ask all plugins, and wait for all, whatever becomes of them."""
    if all(bound.local for bound in bound_plugins):
        return [await _answer(bound, payload) for bound in bound_plugins]
    import asyncio

    return await asyncio.gather(*(_answer(bound, payload) for bound in bound_plugins))


async def _answer(bound: BoundPlugin[AsyncChannel], payload: Any) -> Any:
    try:
        return await bound.call(payload)
    except ScaffoldError as error:
        return error


async def _told(bound: BoundPlugin[AsyncChannel], payload: Any) -> None:
    try:
        await bound.call(payload)
    except PLUGIN_EXCEPTIONS as error:
        bound.entry.degrade(error)
        logging.getLogger(f"plugin.{bound.name}").warning("plugin=%s error=%s", bound.name, error)


def _raising(error: DispatchError) -> Callable[[Any], Awaitable[Any]]:
    async def refuse(_payload: Any) -> Any:
        raise type(error)(error.plugin, error.reason)

    return refuse
