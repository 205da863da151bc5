"""Events between the plugins of a host, and their application (ADR-0001, EventBus)."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

__all__ = ["EventBus", "Handler", "NullEventBus", "Subscription"]

Handler: TypeAlias = Callable[[Any], Awaitable[None] | None]
"""Takes an event's payload: JSON values, a copy of its own."""


class Subscription:
    """What `subscribe` returns, and `unsubscribe` takes."""

    def __init__(self, topic: str, handler: Handler) -> None:
        self.topic = topic
        self.handler = handler


class EventBus(Protocol):
    """Publish and subscribe, at most once and in no order between topics. Any thread may call."""

    def publish(self, topic: str, payload: Any = None) -> None:
        """Tell everybody who has subscribed to the topic, and wait for none.

        The payload is JSON, or a model of pydantic's; raises `TypeError` for anything else.
        """
        ...

    def subscribe(self, topic: str, handler: Handler) -> Subscription:
        """Have a function called with the payload of each event of a topic, from now on.

        What it raises is logged. A plugin's subscriptions end with the plugin.
        """
        ...

    def unsubscribe(self, subscription: Subscription) -> None:
        """Hear no more. May be repeated."""
        ...


class NullEventBus:
    """A bus with nobody on it: what a plugin gets that is in a process of its own."""

    def publish(self, topic: str, payload: Any = None) -> None:
        """Do nothing: nobody listens."""

    def subscribe(self, topic: str, handler: Handler) -> Subscription:
        """Return a subscription to what will never come."""
        return Subscription(topic, handler)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Do nothing."""
