"""The line between a typed client and a plugin, whatever lies between them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Protocol, TypeVar

from scaffold.contract._hooks.hook import Hook, StreamHook

__all__ = ["AsyncChannel", "Channel"]

In = TypeVar("In")
Out = TypeVar("Out")


class Channel(Protocol):
    """Calls hooks and waits for the answers. Any thread may call."""

    @property
    def runtime(self) -> str:
        """`in_process`, `mcp_stdio` or `mcp_http`."""
        ...

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Return the function that calls `hook` and raises `HookError` or `TransportError`."""
        ...

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.streams`."""
        ...

    def close(self) -> None:
        """End the plugin's session, and its process if the channel started it. May be repeated."""
        ...


class AsyncChannel(Protocol):
    """Calls hooks from an event loop."""

    @property
    def runtime(self) -> str:
        """`in_process`, `mcp_stdio` or `mcp_http`."""
        ...

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Return the function that calls `hook` and raises `HookError` or `TransportError`."""
        ...

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.streams`."""
        ...

    async def aclose(self) -> None:
        """End the plugin's session, and its process if the channel started it. May be repeated."""
        ...
