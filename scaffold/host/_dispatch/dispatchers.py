"""The five dispatch classes of a `Host`; their functions are rebuilt when plugins change."""

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, TypeVar

from pydantic_core import to_json

from scaffold.contract._errors.errors import DispatchError, ScaffoldError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.channel import Channel
from scaffold.contract._hooks.dispatcher import StopChain, Wanted
from scaffold.contract._hooks.hook import Hook, StreamHook
from scaffold.host._concurrency.background_work import BackgroundCalls
from scaffold.host._concurrency.thread_pool import ThreadPool
from scaffold.host._dispatch.fast_dispatch import fast_chain, fast_collect, unguarded_calls
from scaffold.host._dispatch.function_routing import by_function, one_owner, owners
from scaffold.host._dispatch.kind_group import BoundPlugin, KindGroup, blame
from scaffold.host._dispatch.stream_dispatchers import capability_stream, singleton_stream
from scaffold.host._registry.ranking import CapabilityIndex
from scaffold.manifest._model import Manifest

In = TypeVar("In")
Out = TypeVar("Out")


class HostRoutes:
    """Makes the functions of one dispatcher; `kin` is what the host knows of its kind."""

    def __init__(self, group: KindGroup[Channel], background_calls: BackgroundCalls) -> None:
        self._group = group
        self._background_calls = background_calls

    def singleton(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Ask the active plugin: by policy, `DAGSTACK_ACTIVE_<KIND>`, or priority (ADR-0002 §1).

        Hooks that run one function of many ask the plugin which has the function.
        """
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

        def call(payload: In) -> Out:
            name = self._group.preferred() or self._group.active()
            if name not in bound_plugins:
                raise self._group.plugin_not_loaded_error(name)
            answer: Out = bound_plugins[name](payload)
            return answer

        return call

    def broadcast_collect(self, hook: Hook[In, Out]) -> Callable[[In], list[Out]]:
        """Ask every plugin; the first failure is raised, unless the host wants what it can get."""
        bound_plugins = self._group.bound_plugins(hook)
        calls = self._group.calls(hook)

        def collect(payload: In) -> list[Out]:
            answers: list[Out] = []
            calls.running += 1
            try:
                for bound, answer in _asked(bound_plugins, payload):
                    try:
                        answers.append(answer())
                    except ScaffoldError as error:
                        if not self._group.is_best_effort(hook):
                            raise blame(bound, error) from None
                        self._group.leave_out(bound, hook, error)
            finally:
                calls.running -= 1
            return answers

        ways = unguarded_calls(bound_plugins)
        if ways and not self._group.is_best_effort(hook):
            return fast_collect(bound_plugins, ways, calls, collect)
        return collect

    def broadcast_notify(self, hook: Hook[In, Any]) -> Callable[[In], None]:
        """Call every plugin in the background; failures are logged."""
        letters = [(bound.name, _blaming(bound)) for bound in self._group.bound_plugins(hook)]

        def notify(payload: In) -> None:
            for name, call in letters:
                self._background_calls.send(name, call, payload)

        return notify

    def chain(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Hand each plugin's answer to the next one, until one raises `StopChain` or fails."""
        bound_plugins = self._group.bound_plugins(hook)
        calls = self._group.calls(hook)
        if not bound_plugins:
            return _raising(self._group.no_plugin_error())

        def refused(bound: BoundPlugin[Any], error: BaseException) -> Any:
            return chain_result(bound, hook, error)

        def chain(payload: Any) -> Out:
            calls.running += 1
            try:
                for place, bound in enumerate(bound_plugins):
                    if place:
                        payload = hook.input.convert(payload, hook.output)
                    try:
                        payload = bound.call(payload)
                    except ScaffoldError as error:
                        answer: Out = refused(bound, error)
                        return answer
            finally:
                calls.running -= 1
            last: Out = payload
            return last

        ways = unguarded_calls(bound_plugins, chained=True)
        return fast_chain(bound_plugins, ways, calls, chain, refused) if ways else chain

    def capability(self, hook: Hook[In, Out]) -> Callable[[In, Wanted], Out]:
        """Ask the best plugin that supports what is wanted, or the fallback (ADR-0002 §5)."""
        watched = [(bound, self._watched(bound, hook)) for bound in self._group.bound_plugins(hook)]
        named = {bound.name: call for bound, call in watched}
        manifests = [(bound.manifest, call) for bound, call in watched]
        index = CapabilityIndex(hook.kind.name, manifests, self._group.failures)

        def call(payload: In, wanted: Wanted) -> Out:
            name = self._group.chosen()
            if name is not None and name not in named:
                raise self._group.plugin_not_loaded_error(name)
            found = index.find(wanted) if name is None else named[name]
            answer: Out = found(payload)
            return answer

        return call

    def singleton_stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Open a stream of the active plugin."""
        return singleton_stream(self._group, hook)

    def capability_stream(
        self, hook: StreamHook[In, Out]
    ) -> Callable[[In, Wanted], Generator[Out]]:
        """Open a stream of the best plugin that supports what is wanted."""
        return capability_stream(self._group, hook)

    def _watched(self, bound: BoundPlugin[Channel], hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Count the calls of a plugin elsewhere, and note its failures; in process both is done."""
        if bound.local:
            return bound.call
        calls = self._group.calls(hook)

        def call(payload: Any) -> Any:
            calls.running += 1
            try:
                return bound.call(payload)
            except ScaffoldError as error:
                raise blame(bound, error) from None
            finally:
                calls.running -= 1

        return call

    def _by_function(
        self, hook: Hook[Any, Any], calls: dict[str, Callable[[Any], Any]]
    ) -> Callable[[Any], Any]:
        assert hook.functions is not None
        listing = hook.kind.hooks[hook.functions.catalogue]
        bound_plugins = self._group.bound_plugins(listing)
        known: dict[str, list[Manifest]] = {}

        def call(payload: Any) -> Any:
            name = self._group.preferred()
            if name is None:
                function = by_function(hook, payload)
                if function not in known:
                    known.update(owners(listing, self._catalogues(bound_plugins, listing)))
                silent = self._group.left_out(listing)
                candidates = known.get(function, [])
                name = one_owner(hook.kind.name, function, candidates, silent, self._group.failures)
            elif name not in calls:
                raise self._group.plugin_not_loaded_error(name)
            return calls[name](payload)

        return call

    def _catalogues(
        self, bound_plugins: Sequence[BoundPlugin[Channel]], listing: Hook[None, Any]
    ) -> list[tuple[Manifest, Any]]:
        """Ask every plugin for its functions; one that fails is left out."""
        found: list[tuple[Manifest, Any]] = []
        for bound in bound_plugins:
            try:
                found.append((bound.manifest, bound.call(None)))
            except ScaffoldError as error:
                self._group.leave_out(bound, listing, error)
        return found


def chain_result(bound: BoundPlugin[Any], hook: Hook[Any, Out], error: BaseException) -> Out:
    """Return the answer of a chain that a plugin has ended; raise what it failed with."""
    if isinstance(error, ScaffoldError) and error.code == StopChain.CODE:
        return hook.output.load(to_json(getattr(error, "data", None)))
    raise blame(bound, error) from None


def _asked(
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
            answers = {
                bound.name: outcome.wait() for bound, outcome in zip(away, begun, strict=True)
            }
        finally:
            threads.close()
    return [
        (bound, answers.get(bound.name) or partial(bound.call, payload)) for bound in bound_plugins
    ]


def _blaming(bound: BoundPlugin[Channel]) -> Callable[[Any], Any]:
    def call(payload: Any) -> Any:
        try:
            return bound.call(payload)
        except PLUGIN_EXCEPTIONS as error:
            bound.entry.degrade(error)
            raise

    return call


def _raising(error: DispatchError) -> Callable[[Any], Any]:
    def refuse(_payload: Any) -> Any:
        raise type(error)(error.plugin, error.reason)

    return refuse
