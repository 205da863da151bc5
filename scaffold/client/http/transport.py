"""What carries a request to a server and its response back, whoever does it.

A server on this machine is spoken to by `local`, any other by the library in `remote`:
docs/decisions/0026-loopback.md says why.
"""

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

from scaffold.client.http.address import Address
from scaffold.client.http.steps import Head, Send

__all__ = [
    "AsyncResponse",
    "AsyncTransport",
    "Response",
    "Transport",
    "async_transport",
    "transport",
]


class Response(Head, Protocol):
    """A response whose head has come."""

    def read(self) -> bytes | None:
        """Return what comes next of the body, `None` at its end; raise `Broken`."""
        ...


class AsyncResponse(Head, Protocol):
    """A response whose head has come, for an event loop."""

    async def read(self) -> bytes | None:
        """Return what comes next of the body, `None` at its end; raise `Broken`."""
        ...


class Transport(Protocol):
    """Sends requests from any thread; connections are kept and shared."""

    def send(
        self, send: Send, *, whole: bool = False, patience: float | None = None
    ) -> AbstractContextManager[Response]:
        """Return what sends a request when it is entered, and leaves its response when it is left.

        Entering raises `Broken`. `whole` says that a response is expected whose body comes with
        its head, `patience` for how many seconds nothing may come of it (not given: no matter).
        """
        ...

    def close(self) -> None:
        """Close all connections; whoever waits at one is told by `Broken`."""
        ...


class AsyncTransport(Protocol):
    """Sends requests from one event loop, as `Transport` does."""

    def send(
        self, send: Send, *, whole: bool = False, patience: float | None = None
    ) -> AbstractAsyncContextManager[AsyncResponse]:
        """Return what `Transport.send` returns; a task that is cancelled hangs up."""
        ...

    async def close(self) -> None:
        """Close all connections; whoever waits at one is told by `Broken`."""
        ...


def transport(address: Address) -> Transport:
    """Return what reaches an address; raise `ConnectFailed` if nothing can."""
    if address.local:
        from scaffold.client.http.local.blocking import LocalTransport

        return LocalTransport(address)
    from scaffold.client.http.remote.blocking import RemoteTransport

    return RemoteTransport(address)


def async_transport(address: Address) -> AsyncTransport:
    """Return what reaches an address from an event loop; see `transport`."""
    if address.local:
        from scaffold.client.http.local.awaited import AsyncLocalTransport

        return AsyncLocalTransport(address)
    from scaffold.client.http.remote.awaited import AsyncRemoteTransport

    return AsyncRemoteTransport(address)
