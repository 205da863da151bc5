"""Events between the plugins of a host and its application (ADR-0001, EventBus)."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

Handler: TypeAlias = Callable[[Any], Awaitable[None] | None]
"""A function that receives the payload of an event: JSON values, in a copy of its own."""


class Subscription:
    """A handler and its topic: `subscribe` returns it, and `unsubscribe` takes it."""

    def __init__(self, topic: str, handler: Handler) -> None:
        self.topic = topic
        self.handler = handler


class EventBus(Protocol):
    """Publish and subscribe: at most once, unordered between topics. Thread-safe."""

    def publish(self, topic: str, payload: Any = None) -> None:
        """Send an event to all subscribers of a topic, without waiting for them.

        Args:
            topic: The name of the topic.
            payload: A JSON value or a pydantic model.

        Raises:
            TypeError: The payload is anything else.
        """
        ...

    def subscribe(self, topic: str, handler: Handler) -> Subscription:
        """Call a function with the payload of each later event of a topic.

        Its exceptions are logged. The subscriptions of a plugin end with the plugin.
        """
        ...

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription. May be repeated."""
        ...


class NullEventBus:
    """An event bus without subscribers: the bus of a plugin in a process of its own."""

    def publish(self, topic: str, payload: Any = None) -> None:
        """Do nothing."""

    def subscribe(self, topic: str, handler: Handler) -> Subscription:
        """Return a subscription that never receives an event."""
        return Subscription(topic, handler)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Do nothing."""
