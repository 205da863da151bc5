"""The interface between a typed client and a plugin, the same in every runtime."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Protocol, TypeVar

from scaffold.contract._hooks.hook import Hook, StreamHook

In = TypeVar("In")
Out = TypeVar("Out")


class Channel(Protocol):
    """Calls hooks, and blocks until they return. Thread-safe."""

    @property
    def runtime(self) -> str:
        """`in_process`, `mcp_stdio` or `mcp_http`."""
        ...

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Return the function that calls `hook` and raises `HookError` or `TransportError`."""
        ...

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Return the function that opens a stream of `hook`."""
        ...

    def close(self) -> None:
        """Close the session, and end the process if the channel started it. May be repeated."""
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
        """Return the function that opens a stream of `hook`."""
        ...

    async def aclose(self) -> None:
        """Close the session, and end the process if the channel started it. May be repeated."""
        ...
