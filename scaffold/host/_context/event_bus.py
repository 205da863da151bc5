"""The event bus of a host: in its own process, at most once, nothing kept (ADR-0001, EventBus)."""

import logging
import os
from collections.abc import Callable
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pydantic_core import from_json, to_json

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold.contract._context.events import Handler, Subscription
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.host._concurrency.background_calls import BackgroundCalls, BackgroundTasks
from scaffold.resources._scope import ResourceScope

if TYPE_CHECKING:
    import asyncio

Deliver: TypeAlias = Callable[[Handler, Any], None]
"""Has a handler called, where its party lives, and does not wait for it."""


class _Listener(NamedTuple):
    subscription: Subscription
    deliver: Deliver
    loan: ResourceScope | None


class Events:
    """The subscriptions of one host. Any thread may use it."""

    def __init__(self) -> None:
        self._unlock()
        self._topics: dict[str, list[_Listener]] = {}
        reset_after_fork(self._unlock)

    def publish(self, topic: str, payload: Any = None) -> None:
        """Give every subscriber a copy; raise `TypeError` if the payload is not JSON."""
        try:
            data = to_json(payload, by_alias=True)
        except ValueError as error:
            raise TypeError(f"the payload of an event is JSON: {error}") from None
        for listener in tuple(self._topics.get(topic, ())):
            listener.deliver(listener.subscription.handler, from_json(data))

    def add(
        self, subscription: Subscription, deliver: Deliver, loan: ResourceScope | None = None
    ) -> None:
        """Call a handler for the events of its topic; `loan` is that of its plugin."""
        with self._lock:
            self._topics.setdefault(subscription.topic, []).append(
                _Listener(subscription, deliver, loan)
            )

    def drop(self, subscription: Subscription) -> None:
        """Call a handler no more. May be repeated."""
        with self._lock:
            known = self._topics.get(subscription.topic, [])
            known[:] = [one for one in known if one.subscription is not subscription]

    def leave(self, loan: ResourceScope) -> None:
        """Call none of the handlers of a plugin, which a fork sets up again."""
        with self._lock:
            for known in self._topics.values():
                known[:] = [one for one in known if one.loan is not loan]

    def _unlock(self) -> None:
        # A signal handler may subscribe while the code below it does.
        self._lock = reentrant_lock(Rank.GLOBAL)


class Listening:
    """The bus of one subscriber; after its resources are closed it receives nothing."""

    def __init__(self, events: Events, deliver: Deliver, loan: ResourceScope | None = None) -> None:
        self._events = events
        self._deliver = deliver
        self._loan = loan

    def publish(self, topic: str, payload: Any = None) -> None:
        """Send a payload to the subscribers of a topic, without waiting for them."""
        self._events.publish(topic, payload)

    def subscribe(self, topic: str, handler: Handler) -> Subscription:
        """Have a function called with the payload of each event of a topic, from now on."""
        subscription = Subscription(topic, handler)
        self._events.add(subscription, self._deliver, self._loan)
        if self._loan is not None:
            self._loan.callback(self._events.drop, subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Hear no more. May be repeated."""
        self._events.drop(subscription)


def in_threads(
    background_calls: BackgroundCalls, name: str, settle: Callable[[Any], Any]
) -> Deliver:
    """Deliver by threads, to one party in order; `settle` waits for what is awaitable."""
    return lambda handler, payload: background_calls.send(
        name, lambda content: settle(handler(content)), payload
    )


def in_loop(loop: "asyncio.AbstractEventLoop", tasks: BackgroundTasks, name: str) -> Deliver:
    """Deliver in an event loop."""

    async def told(handler: Handler, payload: Any) -> None:
        try:
            answer = handler(payload)
            if isawaitable(answer):
                await answer
        except PLUGIN_EXCEPTIONS as error:
            logging.getLogger(f"plugin.{name}").warning("plugin=%s error=%s", name, error)

    def begin(handler: Handler, payload: Any) -> None:
        tasks.begin(told(handler, payload))

    process = os.getpid()

    def deliver(handler: Handler, payload: Any) -> None:
        if os.getpid() != process:
            # The loop is one of the parent process, which must not be touched.
            logging.getLogger(f"plugin.{name}").warning(
                "plugin=%s error=an event is dropped: the event loop of its handler is that of "
                "the process that was forked",
                name,
            )
        elif not loop.is_closed():
            loop.call_soon_threadsafe(partial(begin, handler, payload))

    return deliver
