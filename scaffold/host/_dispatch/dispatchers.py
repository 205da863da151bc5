"""The five dispatch classes for hosts that wait: functions made anew when the plugins change."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from pydantic_core import to_json

from scaffold.contract._errors.errors import DispatchError, ScaffoldError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import Channel
from scaffold.contract._hooks.dispatcher import StopChain, Wanted
from scaffold.contract._hooks.hook import Hook, StreamHook
from scaffold.host._concurrency.background_calls import Post
from scaffold.host._dispatch.bound_plugin import Stage, blamed
from scaffold.host._dispatch.fast_dispatch import collecting, directs, passing_on
from scaffold.host._dispatch.function_routing import by_function, one_owner, owners
from scaffold.host._dispatch.kind_group import Kinship
from scaffold.host._dispatch.stream_dispatchers import capability_stream, singleton_stream
from scaffold.host._registry.selection import Capabilities
from scaffold.manifest._model import Manifest

__all__ = ["HostRoutes", "stopped"]

In = TypeVar("In")
Out = TypeVar("Out")


class HostRoutes:
    """Makes the functions of one dispatcher; `kin` is what the host knows of its kind."""

    def __init__(self, kin: Kinship[Channel], post: Post) -> None:
        self._kin = kin
        self._post = post

    def singleton(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Ask the active plugin: by policy, `DAGSTACK_ACTIVE_<KIND>`, or priority (ADR-0002 §1).

        Hooks that run one function of many ask the plugin which has the function.
        """
        stages = {stage.name: self._watched(stage, hook) for stage in self._kin.stages(hook)}
        if hook.functions is not None:
            return self._by_function(hook, stages)
        if self._kin.policy is None:
            try:
                return stages[self._kin.active()]
            except DispatchError as error:
                return _raising(error)

        def call(payload: In) -> Out:
            name = self._kin.preferred() or self._kin.active()
            if name not in stages:
                raise self._kin.not_there(name)
            answer: Out = stages[name](payload)
            return answer

        return call

    def broadcast_collect(self, hook: Hook[In, Out]) -> Callable[[In], list[Out]]:
        """Ask every plugin; the first failure is raised, unless the host wants what it can get."""
        stages = self._kin.stages(hook)
        calls = self._kin.calls(hook)

        def collect(payload: In) -> list[Out]:
            answers: list[Out] = []
            calls.under_way += 1
            try:
                for stage, answer in _asked(stages, payload):
                    try:
                        answers.append(answer())
                    except ScaffoldError as error:
                        if not self._kin.is_best_effort(hook):
                            raise blamed(stage, error) from None
                        self._kin.leave_out(stage, hook, error)
            finally:
                calls.under_way -= 1
            return answers

        ways = directs(stages)
        if ways and not self._kin.is_best_effort(hook):
            return collecting(stages, ways, calls, collect)
        return collect

    def broadcast_notify(self, hook: Hook[In, Any]) -> Callable[[In], None]:
        """Tell every plugin; failures are logged, and nobody waits."""
        letters = [(stage.name, _blaming(stage)) for stage in self._kin.stages(hook)]

        def notify(payload: In) -> None:
            for name, call in letters:
                self._post.send(name, call, payload)

        return notify

    def chain(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Hand each plugin's answer to the next one, until one raises `StopChain` or fails."""
        stages = self._kin.stages(hook)
        calls = self._kin.calls(hook)
        if not stages:
            return _raising(self._kin.nobody())

        def refused(stage: Stage[Any], error: BaseException) -> Any:
            return stopped(stage, hook, error)

        def chain(payload: Any) -> Out:
            calls.under_way += 1
            try:
                for place, stage in enumerate(stages):
                    if place:
                        payload = hook.input.convert(payload, hook.output)
                    try:
                        payload = stage.call(payload)
                    except ScaffoldError as error:
                        answer: Out = refused(stage, error)
                        return answer
            finally:
                calls.under_way -= 1
            last: Out = payload
            return last

        ways = directs(stages, chained=True)
        return passing_on(stages, ways, calls, chain, refused) if ways else chain

    def capability(self, hook: Hook[In, Out]) -> Callable[[In, Wanted], Out]:
        """Ask the best plugin that supports what is wanted, or the fallback (ADR-0002 §5)."""
        stages = [(stage, self._watched(stage, hook)) for stage in self._kin.stages(hook)]
        named = {stage.name: call for stage, call in stages}
        manifests = [(stage.manifest, call) for stage, call in stages]
        index = Capabilities(hook.kind.name, manifests, self._kin.failures)

        def call(payload: In, wanted: Wanted) -> Out:
            name = self._kin.chosen()
            if name is not None and name not in named:
                raise self._kin.not_there(name)
            found = index.find(wanted) if name is None else named[name]
            answer: Out = found(payload)
            return answer

        return call

    def singleton_stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Open a stream of the active plugin."""
        return singleton_stream(self._kin, hook)

    def capability_stream(
        self, hook: StreamHook[In, Out]
    ) -> Callable[[In, Wanted], Generator[Out]]:
        """Open a stream of the best plugin that supports what is wanted."""
        return capability_stream(self._kin, hook)

    def _watched(self, stage: Stage[Channel], hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Count the calls of a plugin elsewhere, and note its failures; in process both is done."""
        if stage.local:
            return stage.call
        calls = self._kin.calls(hook)

        def call(payload: Any) -> Any:
            calls.under_way += 1
            try:
                return stage.call(payload)
            except ScaffoldError as error:
                raise blamed(stage, error) from None
            finally:
                calls.under_way -= 1

        return call

    def _by_function(
        self, hook: Hook[Any, Any], calls: dict[str, Callable[[Any], Any]]
    ) -> Callable[[Any], Any]:
        assert hook.functions is not None
        listing = hook.kind.hooks[hook.functions.catalogue]
        stages = self._kin.stages(listing)
        known: dict[str, list[Manifest]] = {}

        def call(payload: Any) -> Any:
            name = self._kin.preferred()
            if name is None:
                function = by_function(hook, payload)
                if function not in known:
                    known.update(owners(listing, self._catalogues(stages, listing)))
                silent = self._kin.left_out(listing)
                candidates = known.get(function, [])
                name = one_owner(hook.kind.name, function, candidates, silent, self._kin.failures)
            elif name not in calls:
                raise self._kin.not_there(name)
            return calls[name](payload)

        return call

    def _catalogues(
        self, stages: Sequence[Stage[Channel]], listing: Hook[None, Any]
    ) -> list[tuple[Manifest, Any]]:
        """Ask every plugin for its functions; one that fails is left out."""
        found: list[tuple[Manifest, Any]] = []
        for stage in stages:
            try:
                found.append((stage.manifest, stage.call(None)))
            except ScaffoldError as error:
                self._kin.leave_out(stage, listing, error)
        return found


def stopped(stage: Stage[Any], hook: Hook[Any, Out], error: BaseException) -> Out:
    """Return the answer of a chain that a plugin has ended; raise what it failed with."""
    if isinstance(error, ScaffoldError) and error.code == StopChain.CODE:
        return hook.output.load(to_json(getattr(error, "data", None)))
    raise blamed(stage, error) from None


def _asked(
    stages: Sequence[Stage[Channel]], payload: Any
) -> list[tuple[Stage[Channel], Callable[[], Any]]]:
    """Ask plugins of this process one by one, when their turn comes, and others side by side."""
    away = [stage for stage in stages if not stage.local]
    answers: dict[str, Callable[[], Any]] = {}
    if len(away) > 1:
        with ThreadPoolExecutor(len(away), "plugin-collect") as pool:
            for stage in away:
                future = pool.submit(copy_context().run, stage.call, payload)
                answers[stage.name] = future.result
    return [(stage, answers.get(stage.name) or partial(stage.call, payload)) for stage in stages]


def _blaming(stage: Stage[Channel]) -> Callable[[Any], Any]:
    def call(payload: Any) -> Any:
        try:
            return stage.call(payload)
        except PLUGIN_EXCEPTIONS as error:
            stage.entry.degrade(error)
            raise

    return call


def _raising(error: DispatchError) -> Callable[[Any], Any]:
    def refuse(_payload: Any) -> Any:
        raise type(error)(error.plugin, error.reason)

    return refuse
