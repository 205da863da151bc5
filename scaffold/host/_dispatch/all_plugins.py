"""Dispatch to all plugins of a kind: collect their answers, notify them, or chain them.

Each dispatch class has `call`, which is complete, and `prepare`, which chooses the function to call
once per change of the plugins. If all plugins are in this process and have the same classes, the
fast loop of the class is chosen: it calls their methods without a guard around each. If it
cannot handle a call, it passes the payload on to `call` before anything has happened.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from pydantic_core import to_json
from typing_extensions import override

from scaffold.contract._errors.errors import ScaffoldError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.dispatcher import StopChain
from scaffold.contract._hooks.hook import Hook
from scaffold.host._concurrency.background_work import BackgroundCalls, BackgroundTasks
from scaffold.host._concurrency.thread_pool import ThreadPool
from scaffold.host._dispatch.kind_group import (
    BoundPlugin,
    DispatchClass,
    KindGroup,
    blame,
    unguarded_calls,
)
from scaffold.host._dispatch.one_plugin import refuse

C = TypeVar("C", Channel, AsyncChannel)


class _AllPlugins(DispatchClass, Generic[C]):
    """The plugins in use that have a hook, and the count of its dispatched calls."""

    def __init__(self, group: KindGroup[C], hook: Hook[Any, Any]) -> None:
        self._group: KindGroup[C] = group
        self._hook = hook
        self._plugins: list[BoundPlugin[C]] = group.bound_plugins(hook)
        self._calls = group.calls(hook)


class _Collect(_AllPlugins[C]):
    def _do_without(self, bound: BoundPlugin[C], error: ScaffoldError) -> None:
        """Leave a plugin out that has failed; raise, unless the host wants what it can get."""
        if not self._group.is_best_effort(self._hook):
            raise blame(bound, error) from None
        self._group.leave_out(bound, self._hook, error)


class Collect(_Collect[Channel]):
    """Asks every plugin; the answers are in the order of priority."""

    @override
    def prepare(self) -> Callable[[Any], list[Any]]:
        self._direct = unguarded_calls(self._plugins)
        if not self._direct or self._group.is_best_effort(self._hook):
            return self.call
        self._invokes = [direct.invoke for direct in self._direct]
        self._input_class = self._direct[0].input_class
        self._output_class = self._direct[0].output_class
        return self._fast

    def call(self, payload: Any) -> list[Any]:
        """Ask plugins of this process one by one, and others side by side."""
        calls = self._calls
        answers: list[Any] = []
        calls.running += 1
        try:
            for bound, answer in _begin_all(self._plugins, payload):
                try:
                    answers.append(answer())
                except ScaffoldError as error:
                    self._do_without(bound, error)
        finally:
            calls.running -= 1
        return answers

    def _fast(self, payload: Any) -> list[Any]:
        if type(payload) is not self._input_class:
            return self.call(payload)
        calls = self._calls
        answers: list[Any] = []
        keep, class_of, expected = answers.append, type, self._output_class
        calls.running += 1
        if calls.over:
            calls.running -= 1
            return self.call(payload)
        try:
            for invoke in self._invokes:
                answer = invoke(payload)
                if class_of(answer) is not expected:
                    answer = self._direct[len(answers)].finish(answer)
                keep(answer)
        except PLUGIN_EXCEPTIONS as error:
            raise blame(self._plugins[len(answers)], error) from None
        finally:
            calls.running -= 1
        return answers


class AsyncCollect(_Collect[AsyncChannel]):
    """Asks every plugin, side by side; the answers are in the order of priority."""

    async def call(self, payload: Any) -> list[Any]:
        calls = self._calls
        answers: list[Any] = []
        calls.running += 1
        try:
            for bound, answer in zip(
                self._plugins, await ask_all(self._plugins, payload), strict=True
            ):
                if isinstance(answer, ScaffoldError):
                    self._do_without(bound, answer)
                else:
                    answers.append(answer)
        finally:
            calls.running -= 1
        return answers


class Notify(DispatchClass):
    """Calls every plugin in the background, in order for each of them; failures are logged."""

    def __init__(
        self, group: KindGroup[Channel], hook: Hook[Any, Any], background_calls: BackgroundCalls
    ) -> None:
        self._send = background_calls.send
        bound_plugins = group.bound_plugins(hook)
        self._calls = [(bound.name, partial(_notify, bound)) for bound in bound_plugins]

    def call(self, payload: Any) -> None:
        for name, call in self._calls:
            self._send(name, call, payload)


class AsyncNotify(DispatchClass):
    """Calls every plugin in a task of its own; failures are logged."""

    def __init__(
        self, group: KindGroup[AsyncChannel], hook: Hook[Any, Any], tasks: BackgroundTasks
    ) -> None:
        self._plugins = group.bound_plugins(hook)
        self._tasks = tasks

    async def call(self, payload: Any) -> None:
        for bound in self._plugins:
            self._tasks.begin(_notify_async(bound, payload))


class _Chain(_AllPlugins[C]):
    def _end(self, bound: BoundPlugin[C], error: BaseException) -> Any:
        """Return the answer of a chain that a plugin has ended; raise what it failed with."""
        if isinstance(error, ScaffoldError) and error.code == StopChain.CODE:
            return self._hook.output.load(to_json(getattr(error, "data", None)))
        raise blame(bound, error) from None


class Chain(_Chain[Channel]):
    """Hands each plugin's answer to the next one, until one raises `StopChain` or fails."""

    @override
    def prepare(self) -> Callable[[Any], Any]:
        if not self._plugins:
            return partial(refuse, self._group.no_plugin_error())
        self._direct = unguarded_calls(self._plugins)
        if not self._direct or self._direct[0].input_class is not self._direct[0].output_class:
            return self.call
        self._invokes = [direct.invoke for direct in self._direct]
        self._payload_class = self._direct[0].input_class
        return self._fast

    def call(self, payload: Any) -> Any:
        calls = self._calls
        calls.running += 1
        try:
            for place, bound in enumerate(self._plugins):
                if place:
                    payload = self._hook.input.convert(payload, self._hook.output)
                try:
                    payload = bound.call(payload)
                except ScaffoldError as error:
                    return self._end(bound, error)
        finally:
            calls.running -= 1
        return payload

    def _fast(self, payload: Any) -> Any:
        class_of, expected = type, self._payload_class
        if class_of(payload) is not expected:
            return self.call(payload)
        calls, invokes = self._calls, self._invokes
        invoke, before = invokes[0], 0
        calls.running += 1
        if calls.over:
            calls.running -= 1
            return self.call(payload)
        try:
            for invoke in invokes:
                if class_of(payload) is not expected:
                    before = 1  # what fails now is the plugin before
                    payload = self._direct[invokes.index(invoke) - 1].finish(payload)
                    before = 0
                payload = invoke(payload)
            if class_of(payload) is not expected:
                payload = self._direct[-1].finish(payload)
        except PLUGIN_EXCEPTIONS as error:
            return self._end(self._plugins[invokes.index(invoke) - before], error)
        finally:
            calls.running -= 1
        return payload


class AsyncChain(_Chain[AsyncChannel]):
    """Hands each plugin's answer to the next one, until one raises `StopChain` or fails."""

    @override
    def prepare(self) -> Callable[[Any], Awaitable[Any]]:
        return self.call if self._plugins else partial(refuse, self._group.no_plugin_error())

    async def call(self, payload: Any) -> Any:
        calls = self._calls
        calls.running += 1
        try:
            for place, bound in enumerate(self._plugins):
                if place:
                    payload = self._hook.input.convert(payload, self._hook.output)
                try:
                    payload = await bound.call(payload)
                except ScaffoldError as error:
                    return self._end(bound, error)
        finally:
            calls.running -= 1
        return payload


async def ask_all(bound_plugins: Sequence[BoundPlugin[AsyncChannel]], payload: Any) -> list[Any]:
    """Ask all plugins, and wait for all; return an answer or a `ScaffoldError` of each."""
    if all(bound.local for bound in bound_plugins):
        return [await _answer(bound, payload) for bound in bound_plugins]
    import asyncio

    return await asyncio.gather(*(_answer(bound, payload) for bound in bound_plugins))


async def _answer(bound: BoundPlugin[AsyncChannel], payload: Any) -> Any:
    try:
        return await bound.call(payload)
    except ScaffoldError as error:
        return error


def _begin_all(
    bound_plugins: Sequence[BoundPlugin[Channel]], payload: Any
) -> list[tuple[BoundPlugin[Channel], Callable[[], Any]]]:
    """Ask plugins of this process one by one, when their turn comes, and others side by side."""
    away = [bound for bound in bound_plugins if not bound.local]
    answers: dict[str, Callable[[], Any]] = {}
    if len(away) > 1:
        # Not an executor: its threads keep the interpreter from ending, and start none at its end.
        threads = ThreadPool("plugin-collect", len(away))
        try:
            begun = [threads.begin(partial(bound.call, payload)) for bound in away]
            outcomes = [outcome.wait() for outcome in begun]
            answers = dict(zip((bound.name for bound in away), outcomes, strict=True))
        finally:
            threads.close()
    return [
        (bound, answers.get(bound.name) or partial(bound.call, payload)) for bound in bound_plugins
    ]


def _notify(bound: BoundPlugin[Channel], payload: Any) -> Any:
    """Call a plugin in the thread that makes its background calls, which logs what is raised."""
    try:
        return bound.call(payload)
    except PLUGIN_EXCEPTIONS as error:
        bound.entry.degrade(error)
        raise


async def _notify_async(bound: BoundPlugin[AsyncChannel], payload: Any) -> None:
    try:
        await bound.call(payload)
    except PLUGIN_EXCEPTIONS as error:
        bound.entry.degrade(error)
        logging.getLogger(f"plugin.{bound.name}").warning("plugin=%s error=%s", bound.name, error)
