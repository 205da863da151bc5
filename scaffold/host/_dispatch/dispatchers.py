"""The table of dispatch classes: what makes each function of a dispatcher (ADR-0002).

A dispatcher asks again whenever the plugins in use have changed. Then the dispatch class looks at
the plugins once, in `prepare`, so that a call needs no look at them.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.dispatcher import AsyncDispatcher, Dispatcher, Wanted
from scaffold.contract._hooks.hook import Hook, Kind, StreamHook
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._concurrency.background_work import BackgroundCalls, BackgroundTasks
from scaffold.host._dispatch.all_plugins import (
    AsyncChain,
    AsyncCollect,
    AsyncNotify,
    Chain,
    Collect,
    Notify,
)
from scaffold.host._dispatch.function_owner import AsyncFunctionOwner, FunctionOwner
from scaffold.host._dispatch.kind_group import DispatchClass, KindGroup
from scaffold.host._dispatch.one_plugin import (
    Capability,
    Singleton,
    counted_async_call,
    counted_async_stream,
    counted_call,
    counted_calls,
    counted_stream,
)
from scaffold.host._registry.registry import Registry
from scaffold.manifest._model import Manifest

C = TypeVar("C", Channel, AsyncChannel)
D = TypeVar("D", bound=Dispatcher | AsyncDispatcher)
R = TypeVar("R")
In = TypeVar("In")
Out = TypeVar("Out")


class Dispatchers(Generic[C]):
    """The dispatchers of a host, and the kinds that it has registered.

    Any thread may use it, a signal handler included.
    """

    def __init__(self, registry: Registry[C]) -> None:
        self._registry: Registry[C] = registry
        self._groups: dict[tuple[str, int], KindGroup[C]] = {}
        self._clients: dict[tuple[str, int], Callable[[C], Plugin]] = {}
        self._bound: list[Callable[[], None]] = []
        self._unlock()
        reset_after_fork(self._unlock)

    @property
    def kinds(self) -> Mapping[tuple[str, int], Kind]:
        """All kinds by their names and major versions."""
        return {key: group.kind for key, group in self._groups.items()}

    def group(self, kind: Kind) -> KindGroup[C]:
        """Return the plugins of a kind; the kind is registered."""
        known = self._groups.get((kind.name, kind.major))
        if known is None:
            known = KindGroup(kind, lambda: list(self._registry.entries.values()))
            self._groups[kind.name, kind.major] = known
        return known

    def kind_of(self, manifest: Manifest) -> Kind:
        """Return the kind of a plugin, which is registered."""
        return self._groups[manifest.kind, manifest.major].kind

    def make_client(self, manifest: Manifest, channel: C) -> Plugin | None:
        """Return a client of a plugin, unless its kind was registered without a dispatcher."""
        make = self._clients.get((manifest.kind, manifest.major))
        return make(channel) if make is not None else None

    def add(self, dispatcher: Callable[[R], D], routes: R, client: Callable[[C], Plugin]) -> D:
        """Make a dispatcher, which is bound again whenever the plugins in use change."""
        with self._lock:
            bound = dispatcher(routes)
            self._clients.setdefault((bound.kind.name, bound.kind.major), client)
            rebind: Any = bound.bind
            self._bound.append(partial(rebind, routes))
        return bound

    def rebind(self) -> None:
        """Bind the dispatchers to the plugins that are in use now."""
        with self._lock:  # the last one has seen all changes
            for group in self._groups.values():
                group.refresh()
            for rebind in self._bound:
                rebind()

    def check(self) -> None:
        """Raise `AmbiguousPlugin` if two plugins of a kind have an equal right to answer."""
        for group in self._groups.values():
            group.check()

    def _unlock(self) -> None:
        # A signal handler may close the host while the code above registers a kind.
        self._lock = reentrant_lock(Rank.HOST)


class HostRoutes:
    """Makes the functions of one dispatcher of a `Host`."""

    _count: Callable[..., Any] = staticmethod(counted_call)
    _count_stream: Callable[..., Any] = staticmethod(counted_stream)
    _owner: Callable[..., DispatchClass] = FunctionOwner
    _collect: Callable[..., DispatchClass] = Collect
    _notify: Callable[..., DispatchClass] = Notify
    _chain: Callable[..., DispatchClass] = Chain

    def __init__(
        self, group: KindGroup[Any], background: BackgroundCalls | BackgroundTasks
    ) -> None:
        self._group = group
        self._background = background

    def singleton(self, hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Call the active plugin; a hook that stands for many functions asks the owner of one."""
        calls = counted_calls(self._group, hook, self._count)
        if hook.functions is not None:
            return self._owner(self._group, hook, calls).prepare()
        return Singleton(self._group, calls).prepare()

    def broadcast_collect(self, hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Call all plugins; the outputs are ordered by priority."""
        return self._collect(self._group, hook).prepare()

    def broadcast_notify(self, hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Call all plugins without waiting for them."""
        return self._notify(self._group, hook, self._background).prepare()

    def chain(self, hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Call all plugins in turn, each with the output of the one before."""
        return self._chain(self._group, hook).prepare()

    def capability(self, hook: Hook[Any, Any]) -> Callable[[Any, Wanted], Any]:
        """Call the plugin that has the wanted capabilities."""
        return Capability(self._group, counted_calls(self._group, hook, self._count)).prepare()

    def singleton_stream(self, hook: StreamHook[Any, Any]) -> Callable[[Any], Any]:
        """Open a stream of the active plugin."""
        calls = counted_calls(self._group, hook, self._count_stream)
        return Singleton(self._group, calls).prepare()

    def capability_stream(self, hook: StreamHook[Any, Any]) -> Callable[[Any, Wanted], Any]:
        """Open a stream of the plugin that has the wanted capabilities."""
        calls = counted_calls(self._group, hook, self._count_stream)
        return Capability(self._group, calls).prepare()


class AsyncHostRoutes(HostRoutes):
    """Makes the functions of one dispatcher of an `AsyncHost`: they are awaited."""

    _count = staticmethod(counted_async_call)
    _count_stream = staticmethod(counted_async_stream)
    _owner = AsyncFunctionOwner
    _collect = AsyncCollect
    _notify = AsyncNotify
    _chain = AsyncChain
