"""The five dispatch classes for an event loop; see `routes` for what each of them means."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from scaffold.contract._errors.errors import DispatchError, ScaffoldError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import AsyncChannel
from scaffold.contract._hooks.dispatcher import Wanted
from scaffold.contract._hooks.hook import Hook, StreamHook
from scaffold.host._concurrency.background_calls import Tasks
from scaffold.host._dispatch.bound_plugin import Stage, blamed
from scaffold.host._dispatch.dispatchers import stopped
from scaffold.host._dispatch.function_routing import by_function, one_owner, owners
from scaffold.host._dispatch.kind_group import Kinship
from scaffold.host._dispatch.stream_dispatchers import (
    async_capability_stream,
    async_singleton_stream,
)
from scaffold.host._registry.selection import Capabilities
from scaffold.manifest._model import Manifest

__all__ = ["AsyncHostRoutes"]

In = TypeVar("In")
Out = TypeVar("Out")


class AsyncHostRoutes:
    """Makes the functions of one dispatcher; `kin` is what the host knows of its kind."""

    def __init__(self, kin: Kinship[AsyncChannel], tasks: Tasks) -> None:
        self._kin = kin
        self._tasks = tasks

    def singleton(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Ask the active plugin."""
        stages = {stage.name: self._watched(stage, hook) for stage in self._kin.stages(hook)}
        if hook.functions is not None:
            return self._by_function(hook, stages)
        if self._kin.policy is None:
            try:
                return stages[self._kin.active()]
            except DispatchError as error:
                return _raising(error)

        async def call(payload: In) -> Out:
            name = self._kin.preferred() or self._kin.active()
            if name not in stages:
                raise self._kin.not_there(name)
            answer: Out = await stages[name](payload)
            return answer

        return call

    def broadcast_collect(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[list[Out]]]:
        """Ask every plugin, side by side; the answers are in the order of priority."""
        stages = self._kin.stages(hook)
        calls = self._kin.calls(hook)

        async def collect(payload: In) -> list[Out]:
            answers: list[Out] = []
            calls.under_way += 1
            try:
                for stage, answer in zip(stages, await _asked(stages, payload), strict=True):
                    if isinstance(answer, ScaffoldError):
                        if not self._kin.is_best_effort(hook):
                            raise blamed(stage, answer)
                        self._kin.leave_out(stage, hook, answer)
                    else:
                        answers.append(answer)
            finally:
                calls.under_way -= 1
            return answers

        return collect

    def broadcast_notify(self, hook: Hook[In, Any]) -> Callable[[In], Awaitable[None]]:
        """Tell every plugin; failures are logged, and nobody waits."""
        stages = self._kin.stages(hook)

        async def notify(payload: In) -> None:
            for stage in stages:
                self._tasks.begin(_told(stage, payload))

        return notify

    def chain(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Hand each plugin's answer to the next one, until one raises `StopChain` or fails."""
        stages = self._kin.stages(hook)
        calls = self._kin.calls(hook)
        if not stages:
            return _raising(self._kin.nobody())

        async def chain(payload: Any) -> Out:
            calls.under_way += 1
            try:
                for place, stage in enumerate(stages):
                    if place:
                        payload = hook.input.convert(payload, hook.output)
                    try:
                        payload = await stage.call(payload)
                    except ScaffoldError as error:
                        return stopped(stage, hook, error)
            finally:
                calls.under_way -= 1
            last: Out = payload
            return last

        return chain

    def capability(self, hook: Hook[In, Out]) -> Callable[[In, Wanted], Awaitable[Out]]:
        """Ask the best plugin that supports what is wanted, or the fallback."""
        stages = [(stage, self._watched(stage, hook)) for stage in self._kin.stages(hook)]
        named = {stage.name: call for stage, call in stages}
        manifests = [(stage.manifest, call) for stage, call in stages]
        index = Capabilities(hook.kind.name, manifests, self._kin.failures)

        async def call(payload: In, wanted: Wanted) -> Out:
            name = self._kin.chosen()
            if name is not None and name not in named:
                raise self._kin.not_there(name)
            found = index.find(wanted) if name is None else named[name]
            answer: Out = await found(payload)
            return answer

        return call

    def singleton_stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Open a stream of the active plugin."""
        return async_singleton_stream(self._kin, hook)

    def capability_stream(
        self, hook: StreamHook[In, Out]
    ) -> Callable[[In, Wanted], AsyncGenerator[Out]]:
        """Open a stream of the best plugin that supports what is wanted."""
        return async_capability_stream(self._kin, hook)

    def _watched(self, stage: Stage[AsyncChannel], hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Count the calls of a plugin elsewhere, and note its failures; in process both is done."""
        if stage.local:
            return stage.call
        calls = self._kin.calls(hook)

        async def call(payload: Any) -> Any:
            calls.under_way += 1
            try:
                return await stage.call(payload)
            except ScaffoldError as error:
                raise blamed(stage, error) from None
            finally:
                calls.under_way -= 1

        return call

    def _by_function(
        self, hook: Hook[Any, Any], calls: dict[str, Callable[[Any], Any]]
    ) -> Callable[[Any], Awaitable[Any]]:
        assert hook.functions is not None
        listing = hook.kind.hooks[hook.functions.catalogue]
        stages = self._kin.stages(listing)
        known: dict[str, list[Manifest]] = {}

        async def call(payload: Any) -> Any:
            name = self._kin.preferred()
            if name is None:
                function = by_function(hook, payload)
                if function not in known:
                    known.update(owners(listing, await self._catalogues(stages, listing)))
                silent = self._kin.left_out(listing)
                candidates = known.get(function, [])
                name = one_owner(hook.kind.name, function, candidates, silent, self._kin.failures)
            elif name not in calls:
                raise self._kin.not_there(name)
            return await calls[name](payload)

        return call

    async def _catalogues(
        self, stages: Sequence[Stage[AsyncChannel]], listing: Hook[None, Any]
    ) -> list[tuple[Manifest, Any]]:
        """Ask every plugin for its functions; one that fails is left out."""
        found: list[tuple[Manifest, Any]] = []
        for stage, answer in zip(stages, await _asked(stages, None), strict=True):
            if isinstance(answer, ScaffoldError):
                self._kin.leave_out(stage, listing, answer)
            else:
                found.append((stage.manifest, answer))
        return found


async def _asked(stages: Sequence[Stage[AsyncChannel]], payload: Any) -> list[Any]:
    """Ask all plugins, and wait for all, whatever becomes of them."""
    if all(stage.local for stage in stages):
        return [await _answer(stage, payload) for stage in stages]
    import asyncio

    return await asyncio.gather(*(_answer(stage, payload) for stage in stages))


async def _answer(stage: Stage[AsyncChannel], payload: Any) -> Any:
    try:
        return await stage.call(payload)
    except ScaffoldError as error:
        return error


async def _told(stage: Stage[AsyncChannel], payload: Any) -> None:
    try:
        await stage.call(payload)
    except PLUGIN_EXCEPTIONS as error:
        stage.entry.degrade(error)
        logging.getLogger(f"plugin.{stage.name}").warning("plugin=%s error=%s", stage.name, error)


def _raising(error: DispatchError) -> Callable[[Any], Awaitable[Any]]:
    async def refuse(_payload: Any) -> Any:
        raise type(error)(error.plugin, error.reason)

    return refuse
